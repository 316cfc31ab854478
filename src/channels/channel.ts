/**
 * One channel: its log, a cursor for each reader, its bounds, and its part of the ledger. What is
 * settled by all readers, and written down as settled, is released in the log.
 */
import type { Clock } from '../clock.ts'
import type { Draft, Message, Refusal } from '../message.ts'
import type { PipelineObserver } from '../observer.ts'
import type { ChannelBounds, ChannelRules } from './channel-rules.ts'
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
import type { ChannelLog, ChannelState, CursorState, LogStore } from './log/channel-log.ts'
import type { MemoryBudget } from './log/memory-budget.ts'
import type { RestoredChannel } from './restored-channel.ts'

/** What a channel shares with all others. */
export interface ChannelContext {
  readonly clock: Clock
  readonly store: LogStore
  readonly budget: MemoryBudget
  readonly observer: PipelineObserver
  readonly bounds: ChannelBounds
  /** Cursor names, the primary first. */
  readonly readers: readonly string[]
  readonly onDropped: (message: Message, refusal: Refusal) => void
  readonly rulesFor: (channel: string) => ChannelRules
  /** The channel's state has to be written down, `soon` when disk space waits for it. */
  readonly onChanged: (channel: Channel, soon: boolean) => void
  readonly onActivity: (channel: Channel) => void
  /** Has a state just noted committed with the next cycle. */
  readonly stageState: (channel: Channel) => void
}

export class Channel {
  readonly name: string
  readonly log: ChannelLog
  readonly cursors: readonly Cursor[]
  /** The commit cycle that what is staged belongs to. Kept by the group commit. */
  stagedIn = 0
  readonly #context: ChannelContext
  readonly #capacity: ChannelCapacity
  readonly #droppedMessages: DroppedMessages
  readonly #damaged: DamagedMessages
  readonly #arrivals = new ArrivalTimes()
  readonly #refused: Record<string, number>
  readonly #dormant: Readonly<Record<string, CursorState>>
  readonly #ids: DeduplicationWindow | undefined
  #isActive = false
  /** Once for every channel: so that a reader that comes later is known to be new. */
  #isStateStale = true
  /** How far the log went when the readers were told of a commit last. */
  #toldEnd: number

  constructor(log: ChannelLog, restored: RestoredChannel | undefined, context: ChannelContext) {
    this.name = log.channel
    this.log = log
    this.#context = context
    this.#toldEnd = log.committed
    this.#damaged = new DamagedMessages({ log, observer: context.observer })
    this.#refused = { ...restored?.refused }
    this.#dormant = restored?.dormant ?? {}
    const { bounds, clock } = context
    const { maxAgeMs, deduplication } = context.rulesFor(log.channel)
    this.#ids =
      restored?.ids ??
      (deduplication === undefined ? undefined : new DeduplicationWindow(deduplication))
    const expiry =
      maxAgeMs === undefined ? undefined : new Expiry({ channel: this.name, maxAgeMs, clock })
    this.cursors = context.readers.map((reader) =>
      this.#newCursor(reader, restored?.positions.get(reader) ?? new CursorPosition(0), expiry),
    )
    this.#droppedMessages = new DroppedMessages({
      log,
      onDropped: (message, refusal) => this.#tellDropped(message, refusal),
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
    this.#damaged.foundAtStart(this.cursors, restored?.gone ?? new Map())
    this.#isActive = this.backlog > 0
  }

  /**
   * Messages that the slowest reader has not settled, those in flight and staged included. A
   * channel without readers has none: the store is where its messages go.
   */
  get backlog(): number {
    return this.#capacity.backlog
  }

  /** Whether it counts against `IotAnalyticsMaxActiveChannels`. */
  get isActive(): boolean {
    return this.#isActive
  }

  /** The cursor of a configured reader. */
  cursor(reader: string): Cursor {
    const cursor = this.cursors.find((one) => one.reader === reader)
    if (cursor === undefined) throw new RangeError(`channel ${this.name} has no reader ${reader}`)
    return cursor
  }

  /**
   * The commit cycle of an earlier message with the same sender's id, 0 for one from before the
   * start; undefined when none is remembered, or nothing is to be remembered.
   */
  cycleOfSame(draft: Draft): number | undefined {
    return this.#ids?.cycleOf(draft.id, draft.receivedAt)
  }

  /** Appends the message, or says which bound refuses it. `bytes` is its `draftBytes`. */
  offer(draft: Draft, bytes: number, cycle: number): Refusal | undefined {
    const refusal = this.#capacity.makeRoom(bytes)
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
    if (this.log.committed === this.#toldEnd) return
    this.#toldEnd = this.log.committed
    for (const { position } of this.cursors) position.advance(this.log.committed)
    this.#droppedMessages.pump()
    if (this.log.isVolatile) this.log.release(this.#floor())
    this.#changed(false)
    for (const cursor of this.cursors) if (cursor.waiting > 0) cursor.onReadable?.()
  }

  /** After a commit that failed: these messages are not in the log any more. */
  discarded(messages: readonly Message[], refusal: Refusal): void {
    this.#changed(false)
    const from = this.log.committed
    const to = from + messages.length
    for (const { position } of this.cursors) position.collapse(from, to)
    this.#droppedMessages.collapse(from, to)
    this.#arrivals.collapse(from, to)
    for (const message of messages) {
      this.refuse(refusal)
      this.#tellDropped(message, refusal)
    }
    this.#updateActivity()
  }

  /** Drops what has waited longer than the channel's `maxAge`. */
  async dropExpired(): Promise<void> {
    for (const cursor of this.cursors) await cursor.dropExpired()
  }

  ledger(): ChannelLedger {
    return channelLedger(this.log, this.cursors, this.#refused, Object.values(this.#dormant)[0])
  }

  /** Has written down where the readers are; then the log gives back what is behind them all. */
  checkpoint(): void {
    if (!this.#isStateStale) return
    this.#isStateStale = false
    this.log.noteState(this.#state(), this.#floor())
    this.#context.stageState(this)
  }

  /** Resolves when the senders of all dropped messages are told. */
  dropsReported(): Promise<void> {
    return this.#droppedMessages.settled()
  }

  #newCursor(reader: string, position: CursorPosition, expiry: Expiry | undefined): Cursor {
    const cursor: Cursor = new Cursor({
      reader,
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
          if (cursor === this.cursors[0]) this.#tellDropped(message, refusal)
        },
        foundDamage: (from, to) => this.#damaged.report(reader, to - from),
      },
    })
    return cursor
  }

  /** What was dropped its sender may send again, though not within the batch that has its like. */
  #tellDropped(message: Message, refusal: Refusal): void {
    if (refusal.error !== 'DuplicateMessageId') this.#ids?.forget(message.senderId)
    this.#context.onDropped(message, refusal)
  }

  #state(): ChannelState {
    const cursors: Record<string, CursorState> = {}
    // The primary first, also where it is not configured any more: see `readerPositions`.
    for (const { reader, position } of this.cursors) {
      const unreported =
        position === this.cursors[0]?.position ? this.#droppedMessages.unreported : []
      cursors[reader] = position.state(this.log.committed, unreported)
    }
    Object.assign(cursors, this.#dormant)
    return { version: 1, cursors, refused: { ...this.#refused }, end: this.log.committed }
  }

  /** Below it nobody needs a message any more. */
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

  /** In memory: takes a message out that no reader needs, though an older one is still needed. */
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
      else this.#tellDropped(removed, refusal)
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
