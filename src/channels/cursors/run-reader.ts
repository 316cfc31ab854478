/**
 * Reads the log of a cursor run by run, offers each message, and keeps the bookkeeping right: what is
 * taken is in flight, what is dropped is settled and reported, and the rest is free again.
 */
import { setImmediate as pause } from 'node:timers/promises'
import type { Message, Refusal } from '../../message.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import type { CursorPosition } from './cursor-position.ts'

/** What a cursor reports to its channel. */
export interface CursorEvents {
  /** These messages are settled now; positions and counts have changed. */
  settled(messages: readonly Message[]): void
  /** The destination rejected the message. */
  rejected(message: Message): void
  /** A message was dropped when it was read: it is too old, or its id is already in the batch. */
  dropped(message: Message, refusal: Refusal): void
  /** Messages `from ≤ x < to` are damaged or gone. */
  foundDamage(from: number, to: number): void
}

/** Messages for which it returns false are settled as `NotSelected`. */
export type Selects = ((message: Message) => boolean) | undefined

export interface RunReaderOptions {
  readonly log: ChannelLog
  readonly position: CursorPosition
  readonly events: CursorEvents
}

export interface RunLimits {
  /** Offsets from here on are not read. */
  readonly end: number
  readonly maxCount: number
  readonly maxBytes: number
  /** After this number of messages the event loop does other work. Default: after the run. */
  readonly pauseAfter?: number
}

/** In the ledger, for messages that the settings of a destination leave out. */
export const NOT_SELECTED = 'NotSelected'

export class RunReader {
  readonly #log: ChannelLog
  readonly #position: CursorPosition
  readonly #events: CursorEvents

  constructor({ log, position, events }: RunReaderOptions) {
    this.#log = log
    this.#position = position
    this.#events = events
  }

  /** Whether a message below `end` is committed, and neither settled nor in flight. */
  hasMore(start: number, end: number): boolean {
    return this.#position.freeFrom(start) < Math.min(end, this.#log.committed)
  }

  /**
   * Reads the first free run at or after `start` and offers its messages to `take` until that
   * refuses one. Messages that were taken are in flight or settled afterwards; the others are free
   * again. Returns true if the whole run was taken.
   */
  async read(
    start: number,
    { end, maxCount, maxBytes, pauseAfter = Number.POSITIVE_INFINITY }: RunLimits,
    take: (message: Message) => boolean,
  ): Promise<boolean> {
    const position = this.#position
    const from = position.freeFrom(start)
    const to = position.freeUntil(from, Math.min(this.#log.committed, end, from + maxCount))
    if (from >= to) return false
    position.take(from, to)
    let next = from
    try {
      const messages = await this.#log.read(from, to - from, maxBytes)
      for (const message of messages) {
        this.#dropDamaged(next, Math.min(message.offset, to))
        next = Math.min(message.offset, to)
        if (next === to || !take(message)) break
        next += 1
        if ((next - from) % pauseAfter === 0) await pause()
      }
      if (messages.length === 0) {
        this.#dropDamaged(from, to)
        next = to
      }
    } finally {
      position.release(next, to)
    }
    return next === to
  }

  /**
   * Reports to the channel if messages were dropped.
   * @param mayFail whether an error of the log is ignored: a batch that holds messages is sent, and
   *   the next lease meets the error again
   */
  async whileReading(read: () => Promise<void>, mayFail?: () => boolean): Promise<void> {
    const settledBefore = this.#position.settledCount
    try {
      await read()
    } catch (error) {
      if (mayFail?.() !== true) throw error
    } finally {
      if (this.#position.settledCount !== settledBefore) {
        this.#position.advance(this.#log.committed)
        this.#events.settled([])
      }
    }
  }

  /** Its sender is not informed: for the connector as a whole the message is not lost. */
  skip({ offset }: Message): void {
    this.#position.dropTaken(offset, offset + 1, NOT_SELECTED)
  }

  drop(message: Message, refusal: Refusal): void {
    this.#position.dropTaken(message.offset, message.offset + 1, refusal.error)
    this.#events.dropped(message, refusal)
  }

  #dropDamaged(from: number, to: number): void {
    if (from >= to) return
    this.#position.dropTaken(from, to, 'DataDamaged')
    this.#events.foundDamage(from, to)
  }
}
