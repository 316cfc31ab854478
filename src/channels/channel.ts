/**
 * One channel: its log, a cursor for each destination, its limits, and its part of the ledger. The
 * log releases messages once every cursor has settled them and that has been written down.
 */
import type { Clock } from '../clock.ts'
import type { Draft, Message, Refusal } from '../message.ts'
import type { PipelineObserver } from '../observer.ts'
import type { ChannelBounds, ChannelRules } from './channel-rules.ts'
import type { GroupCommit } from './commit/group-commit.ts'
import { ArrivalTimes } from './cursors/arrival-times.ts'
import { Cursor } from './cursors/cursor.ts'
import { CursorPosition } from './cursors/cursor-position.ts'
import { DamagedMessages } from './cursors/damaged-messages.ts'
import { DroppedMessages } from './cursors/dropped-messages.ts'
import { Expiry } from './cursors/expiry.ts'
import { channelLedger } from './ledger/channel-ledger.ts'
import type { ChannelLedger } from './ledger/ledger.ts'
import { ChannelCapacity } from './limits/channel-capacity.ts'
import { DeduplicationWindow } from './limits/deduplication-window.ts'
import type { LimitHits } from './limits/limit-hits.ts'
import type { ChannelLog, ChannelState, CursorState, LogStore } from './log/channel-log.ts'
import type { MemoryBudget } from './log/memory-budget.ts'
import type { RestoredChannel } from './restored-channel.ts'

/** What all channels of a set share. */
export interface ChannelContext {
  readonly clock: Clock
  readonly store: LogStore
  readonly budget: MemoryBudget
  readonly observer: PipelineObserver
  readonly bounds: ChannelBounds
  readonly hits: LimitHits
  /** One for each destination, the primary first. */
  readonly cursorNames: readonly string[]
  readonly onDropped: (message: Message, refusal: Refusal) => void
  readonly rulesFor: (channel: string) => ChannelRules
  /** The channel's state must be written down, `soon` if disk space waits for it. */
  readonly onChanged: (channel: Channel, soon: boolean) => void
  readonly onActivity: (channel: Channel) => void
  readonly commits: Pick<GroupCommit, 'stageState' | 'stored'>
}

export class Channel {
  readonly name: string
  readonly log: ChannelLog
  readonly cursors: readonly Cursor[]
  /** The commit cycle of what is staged. Set by the group commit alone. */
  stagedIn = 0
  readonly #context: ChannelContext
  readonly #capacity: ChannelCapacity
  readonly #droppedMessages: DroppedMessages
  readonly #damaged: DamagedMessages
  readonly #arrivals = new ArrivalTimes()
  readonly #refused: Record<string, number>
  readonly #dormant: Readonly<Record<string, CursorState>>
  readonly #missing: ReadonlyMap<string, number>
  readonly #ids: DeduplicationWindow | undefined
  #isActive = false
  /** True at first, so that the state names all cursors and a later one is known to be new. */
  #isStateStale = true
  /** The log's `committed` when the cursors last heard of it. */
  #reportedEnd: number

  constructor(log: ChannelLog, restored: RestoredChannel, context: ChannelContext) {
    this.name = log.channel
    this.log = log
    this.#context = context
    this.#reportedEnd = log.committed
    this.#damaged = new DamagedMessages({ log, observer: context.observer })
    this.#refused = { ...restored.refused }
    this.#dormant = restored.dormant
    this.#missing = restored.missing
    const { bounds, clock } = context
    const { maxAgeMs, deduplication } = context.rulesFor(log.channel)
    this.#ids = restored.ids ?? (deduplication && new DeduplicationWindow(deduplication))
    const expiry =
      maxAgeMs === undefined ? undefined : new Expiry({ channel: this.name, maxAgeMs, clock })
    this.cursors = context.cursorNames.map((name) =>
      this.#newCursor(name, restored.positions.get(name) ?? new CursorPosition(0), expiry),
    )
    this.#droppedMessages = new DroppedMessages({
      log,
      onDropped: (message, refusal) => this.#reportDropped(message, refusal),
      onDone: () => this.#changed(true),
    })
    this.#capacity = new ChannelCapacity({
      ...context,
      log,
      cursors: this.cursors,
      maxBacklogMessages: bounds.maxBacklogMessages,
      dropBehavior: bounds.dropBehavior,
      drop: (cursor, from, to, refusal) => this.#drop(cursor, from, to, refusal),
    })
  }

  /**
   * Counts and reports what is missing or damaged in the log as it was found. Comes first, once.
   */
  start(): void {
    this.#damaged.reportAtStart(this.cursors, this.#missing)
    this.#isActive = this.backlog > 0
  }

  /** Messages refused before they were appended, by code. */
  get refused(): Readonly<Record<string, number>> {
    return this.#refused
  }

  /**
   * Messages that the slowest cursor has not settled, those in flight and staged included. 0
   * without cursors: then the store is where messages go.
   */
  get backlog(): number {
    return this.#capacity.backlog
  }

  /** Whether it counts against `IotAnalyticsMaxActiveChannels`. */
  get isActive(): boolean {
    return this.#isActive
  }

  /** The cursor of a configured destination. */
  cursor(name: string): Cursor {
    const cursor = this.cursors.find((one) => one.name === name)
    if (cursor === undefined) throw new RangeError(`channel ${this.name} has no cursor ${name}`)
    return cursor
  }

  /**
   * The commit cycle of an earlier message with the same sender's id, 0 if it was there at the
   * start; undefined if no such message is remembered, or the channel remembers no ids.
   */
  cycleOfDuplicate(draft: Draft): number | undefined {
    return this.#ids?.cycleOf(draft.id, draft.receivedAt)
  }

  /** Appends the message, or says which limit refuses it. `bytes` is its `draftBytes`. */
  offer(draft: Draft, bytes: number, cycle: number): Refusal | undefined {
    const refusal = this.log.fault ?? this.#capacity.makeRoom(bytes)
    if (refusal !== undefined) return refusal
    this.#ids?.note(draft.id, draft.receivedAt, cycle)
    if (this.stagedIn !== cycle) this.#arrivals.note(this.log.end, draft.receivedAt)
    this.log.append(draft)
    if (!this.#isActive) this.#updateActivity()
    return undefined
  }

  /** Counts a message that was refused before it was appended. */
  refuse(refusal: Refusal): void {
    this.#refused[refusal.error] = (this.#refused[refusal.error] ?? 0) + 1
    this.#context.observer.messageDropped(this.name, refusal.error, refusal.message)
    this.#isStateStale = true
    this.#changed(false)
  }

  /** After each commit that the log was part of: what was staged can be read. */
  committed(): void {
    if (this.log.committed === this.#reportedEnd) return
    this.#reportedEnd = this.log.committed
    for (const { position } of this.cursors) position.advance(this.log.committed)
    this.#droppedMessages.pump()
    if (this.log.isVolatile) this.log.release(this.#floor())
    this.#changed(false)
    for (const cursor of this.cursors) if (cursor.waiting > 0) cursor.onReadable?.()
  }

  /** After a commit that failed: these messages have left the log. */
  discarded(messages: readonly Message[], refusal: Refusal): void {
    this.#changed(false)
    const from = this.log.committed
    const to = from + messages.length
    for (const { position } of this.cursors) position.collapse(from, to)
    this.#droppedMessages.collapse(from, to)
    this.#arrivals.collapse(from, to)
    for (const message of messages) {
      this.refuse(refusal)
      this.#reportDropped(message, refusal)
    }
    this.#updateActivity()
  }

  /** Drops messages that have waited longer than the channel's `maxAge`. */
  async dropExpired(): Promise<void> {
    for (const cursor of this.cursors) await cursor.dropExpired()
  }

  ledger(): ChannelLedger {
    return channelLedger(this.log, this.cursors, this.#refused, Object.values(this.#dormant)[0])
  }

  /**
   * Notes where the cursors are. The commit that stores it lets the log release what they passed.
   */
  checkpoint(): void {
    if (!this.#isStateStale) return
    this.#isStateStale = false
    this.log.noteState(this.#state(), this.#floor())
    this.#context.commits.stageState(this)
  }

  /**
   * Writes down where the cursors are and what they have planned, now.
   * @throws {ConnectorError} StorageFailed
   */
  storeState(): Promise<void> {
    this.#isStateStale = true
    this.checkpoint()
    return this.#context.commits.stored()
  }

  /** Resolves when all dropped messages have been reported to their senders. */
  dropsReported(): Promise<void> {
    return this.#droppedMessages.settled()
  }

  #newCursor(name: string, position: CursorPosition, expiry: Expiry | undefined): Cursor {
    const cursor: Cursor = new Cursor({
      name,
      log: this.log,
      position,
      arrivals: this.#arrivals,
      expiry,
      events: {
        settled: (messages) => this.#afterSettling(messages),
        rejected: (message) => {
          if (cursor === this.cursors[0]) this.#ids?.forget(message.senderId)
        },
        dropped: (message, refusal) => {
          this.#context.observer.messageDropped(this.name, refusal.error, refusal.message)
          if (cursor === this.cursors[0]) this.#reportDropped(message, refusal)
        },
        foundDamage: (from, to) => this.#damaged.report(name, to - from),
      },
    })
    return cursor
  }

  /** A sender may send a dropped message again, except a duplicate: its id is still in a batch. */
  #reportDropped(message: Message, refusal: Refusal): void {
    if (refusal.error !== 'DuplicateMessageId') this.#ids?.forget(message.senderId)
    this.#context.onDropped(message, refusal)
  }

  #state(): ChannelState {
    const cursors: Record<string, CursorState> = {}
    // The order matters: `restoreCursors` takes the first cursor to be the former primary.
    for (const { name, position } of this.cursors) {
      const unreported =
        position === this.cursors[0]?.position ? this.#droppedMessages.unreported : []
      cursors[name] = position.state(this.log.committed, unreported)
    }
    Object.assign(cursors, this.#dormant)
    return { version: 1, cursors, refused: { ...this.#refused }, end: this.log.committed }
  }

  /** Messages below it are not needed any more. */
  #floor(): number {
    let floor = Math.min(this.log.committed, this.#droppedMessages.neededFrom)
    for (const { position } of this.cursors) floor = Math.min(floor, position.position)
    return floor
  }

  #afterSettling(messages: readonly Message[]): void {
    const floor = this.#floor()
    this.#arrivals.forgetBelow(floor)
    if (this.log.isVolatile) {
      this.log.release(floor)
      for (const { offset } of messages) if (offset >= floor) this.#removeIfSettled(offset)
    }
    this.#changed(false)
    this.#updateActivity()
  }

  /** In a volatile log: removes a message that no cursor needs, though it needs an older one. */
  #removeIfSettled(offset: number): Message | undefined {
    if (this.#droppedMessages.needs(offset)) return undefined
    for (const { position } of this.cursors) if (!position.isSettled(offset)) return undefined
    return this.log.remove?.(offset)
  }

  #drop(cursor: Cursor, from: number, to: number, refusal: Refusal): void {
    const { observer } = this.#context
    cursor.position.dropFree(from, to, refusal.error, this.log.committed)
    const removed = to - from === 1 ? this.#removeIfSettled(from) : undefined
    if (cursor === this.cursors[0]) {
      if (removed === undefined) this.#droppedMessages.add(from, to, refusal)
      else this.#reportDropped(removed, refusal)
    }
    for (let offset = from; offset < to; offset += 1) {
      observer.messageDropped(this.name, refusal.error, refusal.message)
    }
    cursor.position.advance(this.log.committed)
    if (this.log.isVolatile) this.log.release(this.#floor())
    this.#changed(false)
    this.#updateActivity()
  }

  #changed(soon: boolean): void {
    this.#isStateStale = true
    this.#context.onChanged(this, soon)
  }

  #updateActivity(): void {
    const isActive = this.backlog > 0
    if (isActive === this.#isActive) return
    this.#isActive = isActive
    this.#context.onActivity(this)
  }
}
