/**
 * One channel: its log, a cursor for each reader, its bounds, and its part of the ledger. What is
 * settled by all readers, and written down as settled, is released in the log.
 */
import type { Draft, Message, Refusal } from '../message.ts'
import type { PipelineObserver } from '../observer.ts'
import { ArrivalMarks } from './arrival-marks.ts'
import type { DropBehavior } from './bound-refusals.ts'
import { ChannelCapacity } from './channel-capacity.ts'
import type { ChannelLog, ChannelState, CursorState, LogStore } from './channel-log.ts'
import { Cursor } from './cursor.ts'
import { CursorPosition } from './cursor-position.ts'
import { DropReceipts } from './drop-receipts.ts'
import type { ChannelLedger } from './ledger.ts'
import { channelLedger } from './ledger-rows.ts'
import type { MemoryBudget } from './memory-budget.ts'

export interface ChannelBounds {
  /** Messages one channel may hold unsettled, those in flight included. `Infinity`: bytes bound it. */
  readonly maxBacklogMessages: number
  readonly dropBehavior: DropBehavior
  /** Channels that may have a backlog at the same time. */
  readonly maxActiveChannels: number
}

/** What a channel shares with all others. */
export interface ChannelSurroundings {
  readonly store: LogStore
  readonly budget: MemoryBudget
  readonly observer: PipelineObserver
  readonly bounds: ChannelBounds
  /** Cursor names, the primary first. */
  readonly readers: readonly string[]
  readonly onDropped: (message: Message, refusal: Refusal) => void
  /** The channel's state has to be written down, `soon` when disk space waits for it. */
  readonly onChanged: (channel: Channel, soon: boolean) => void
  readonly onActivity: (channel: Channel) => void
}

export class Channel {
  readonly name: string
  readonly log: ChannelLog
  readonly cursors: readonly Cursor[]
  /** The commit cycle that what is staged belongs to. Kept by the group commit. */
  stagedIn = 0
  readonly #surroundings: ChannelSurroundings
  readonly #capacity: ChannelCapacity
  readonly #receipts: DropReceipts
  readonly #marks = new ArrivalMarks()
  readonly #refused: Record<string, number>
  #isActive = false
  #isStateStale = false

  constructor(log: ChannelLog, state: ChannelState | undefined, surroundings: ChannelSurroundings) {
    this.name = log.channel
    this.log = log
    this.#surroundings = surroundings
    this.#refused = { ...state?.refused }
    this.cursors = surroundings.readers.map((reader) =>
      this.#cursorOf(reader, state?.cursors[reader]),
    )
    const { onDropped, bounds } = surroundings
    this.#receipts = new DropReceipts({ log, onDropped, onDone: () => this.#changed(true) })
    this.#capacity = new ChannelCapacity({
      ...surroundings,
      log,
      cursors: this.cursors,
      maxBacklogMessages: bounds.maxBacklogMessages,
      dropBehavior: bounds.dropBehavior,
      drop: (cursor, from, to, refusal) => this.#drop(cursor, from, to, refusal),
    })
    this.#settleDamage()
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

  /** Appends the message, or says which bound refuses it. `bytes` is its `draftBytes`. */
  offer(draft: Draft, bytes: number, cycle: number): Refusal | undefined {
    const refusal = this.#capacity.makeRoom(bytes)
    if (refusal !== undefined) return refusal
    if (this.stagedIn !== cycle) this.#marks.note(this.log.end, draft.receivedAt)
    this.log.append(draft)
    if (!this.#isActive) this.#updateActivity()
    return undefined
  }

  /** Counts a message that was refused before it was appended. */
  refuse(refusal: Refusal): void {
    this.#refused[refusal.error] = (this.#refused[refusal.error] ?? 0) + 1
    this.#surroundings.observer.messageDropped(this.name, refusal.error, refusal.message)
    this.#isStateStale = true
    this.#changed(false)
  }

  /** After each commit of the log: what was staged can be read. */
  committed(): void {
    for (const { position } of this.cursors) position.advance(this.log.committed)
    this.#receipts.pump()
    if (this.log.remove !== undefined) this.log.release(this.#floor())
    this.#changed(false)
    for (const cursor of this.cursors) if (cursor.waiting > 0) cursor.onReadable?.()
  }

  /** After a commit that failed: these messages are not in the log any more. */
  discarded(messages: readonly Message[], refusal: Refusal): void {
    const from = this.log.committed
    const to = from + messages.length
    for (const { position } of this.cursors) position.withdraw(from, to)
    this.#receipts.cutOut(from, to)
    this.#marks.cutOut(from, to)
    for (const message of messages) {
      this.refuse(refusal)
      this.#surroundings.onDropped(message, refusal)
    }
    this.#updateActivity()
  }

  ledger(): ChannelLedger {
    return channelLedger(this.log, this.cursors, this.#refused)
  }

  /** Writes down where the readers are, then lets the log give back what is behind them all. */
  async checkpoint(): Promise<void> {
    const floor = this.#floor()
    if (this.#isStateStale) {
      this.#isStateStale = false
      try {
        await this.log.saveState(this.#state())
      } catch (error) {
        this.#isStateStale = true
        throw error
      }
    }
    this.log.release(floor)
  }

  /** Resolves when the senders of all dropped messages are told. */
  receiptsSettled(): Promise<void> {
    return this.#receipts.settled()
  }

  #cursorOf(reader: string, state: CursorState | undefined): Cursor {
    const { log } = this
    return new Cursor({
      reader,
      log,
      marks: this.#marks,
      position:
        state === undefined
          ? new CursorPosition(log.start)
          : CursorPosition.restored(state, log.start, log.committed),
      events: {
        settled: (messages) => this.#afterSettling(messages),
        droppedDuplicate: (cursor, message, refusal) => {
          this.#surroundings.observer.messageDropped(this.name, refusal.error, refusal.message)
          if (cursor === this.cursors[0]) this.#surroundings.onDropped(message, refusal)
        },
        foundDamage: (from, to) => this.#reportDamage(reader, from, to),
      },
    })
  }

  #state(): ChannelState {
    const cursors: Record<string, CursorState> = {}
    for (const { reader, position } of this.cursors) {
      cursors[reader] = position.state(this.log.committed)
    }
    return { version: 1, cursors, refused: { ...this.#refused } }
  }

  /** Below it nobody needs a message any more. */
  #floor(): number {
    let floor = Math.min(this.log.committed, this.#receipts.neededFrom)
    for (const { position } of this.cursors) floor = Math.min(floor, position.position)
    return floor
  }

  #afterSettling(messages: readonly Message[]): void {
    const floor = this.#floor()
    this.#marks.forgetBelow(floor)
    if (this.log.remove !== undefined) {
      this.log.release(floor)
      for (const { offset } of messages) if (offset >= floor) this.#removeIfSettled(offset)
    }
    this.#changed(false)
    this.#updateActivity()
  }

  /** In memory: takes a message out that no reader needs, though an older one is still needed. */
  #removeIfSettled(offset: number): Message | undefined {
    if (this.#receipts.needs(offset)) return undefined
    for (const { position } of this.cursors) if (!position.isSettled(offset)) return undefined
    return this.log.remove?.(offset)
  }

  #drop(cursor: Cursor, from: number, to: number, refusal: Refusal): void {
    const { observer, onDropped } = this.#surroundings
    cursor.position.dropFree(from, to, refusal.error, this.log.committed)
    const removed = to - from === 1 ? this.#removeIfSettled(from) : undefined
    if (cursor === this.cursors[0]) {
      if (removed === undefined) this.#receipts.add(from, to, refusal)
      else onDropped(removed, refusal)
    }
    for (let offset = from; offset < to; offset += 1) {
      observer.messageDropped(this.name, refusal.error, refusal.message)
    }
    cursor.position.advance(this.log.committed)
    if (this.log.remove !== undefined) this.log.release(this.#floor())
    this.#changed(false)
    this.#updateActivity()
  }

  /** What was found damaged when the log was opened, and no reader had settled yet. */
  #settleDamage(): void {
    for (const damage of this.log.damaged) {
      const end = Math.min(damage.to, this.log.committed)
      for (const { reader, position } of this.cursors) {
        let from = position.freeFrom(damage.from)
        while (from < end) {
          const to = position.freeUntil(from, end)
          position.dropFree(from, to, 'DataDamaged', this.log.committed)
          this.#reportDamage(reader, from, to)
          from = position.freeFrom(to)
        }
        position.advance(this.log.committed)
      }
      this.#isStateStale = true
    }
  }

  #reportDamage(reader: string, from: number, to: number): void {
    for (let offset = from; offset < to; offset += 1) {
      const detail = `message ${offset} can't be read for ${reader}; its bytes don't match their checksum`
      this.#surroundings.observer.messageDropped(this.name, 'DataDamaged', detail)
    }
  }

  #changed(soon: boolean): void {
    if (this.cursors.length > 0) this.#isStateStale = true
    this.#surroundings.onChanged(this, soon)
  }

  #updateActivity(): void {
    const isActive = this.backlog > 0
    if (isActive === this.#isActive) return
    this.#isActive = isActive
    this.#surroundings.onActivity(this)
  }
}
