/**
 * Reports messages that were dropped while they were in the log to their senders. A drop is counted
 * at once. Its senders are known only when the messages have been read, so the log keeps them until
 * then.
 */
import type { Message, Refusal } from '../../message.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import { collapsedOffset } from '../log/offset-ranges.ts'
import type { Drop } from './cursor-position.ts'

const MAX_READ_MESSAGES = 256
const MAX_READ_BYTES = 1024 * 1024

interface Entry {
  from: number
  to: number
  readonly refusal: Refusal
}

export interface DroppedMessagesOptions {
  readonly log: ChannelLog
  readonly onDropped: (message: Message, refusal: Refusal) => void
  /** Called when all drops have been reported: the log may release the messages. */
  readonly onDone: () => void
}

export class DroppedMessages {
  readonly #options: DroppedMessagesOptions
  #entries: Entry[] = []
  #running: Promise<void> | undefined

  constructor(options: DroppedMessagesOptions) {
    this.#options = options
  }

  /** Whether the message must stay in the log, because its drop is not reported yet. */
  needs(offset: number): boolean {
    return this.#entries.some((entry) => entry.from <= offset && offset < entry.to)
  }

  /** Drops that are not reported yet. */
  get unreported(): readonly Drop[] {
    return this.#entries.map(({ from, to, refusal }) => ({ from, to, code: refusal.error }))
  }

  /** Messages from here on must stay in the log; `Infinity` if all may go. */
  get neededFrom(): number {
    let needed = Number.POSITIVE_INFINITY
    for (const entry of this.#entries) needed = Math.min(needed, entry.from)
    return needed
  }

  /**
   * Messages `from ≤ x < to` were dropped. Those not committed yet are reported after their commit.
   */
  add(from: number, to: number, refusal: Refusal): void {
    const last = this.#entries.at(-1)
    if (last?.to === from && last.refusal === refusal) last.to = to
    else this.#entries.push({ from, to, refusal })
    this.pump()
  }

  /** Goes on with the messages that have been committed since. */
  pump(): void {
    if (this.#running !== undefined || this.#nextReadable() === undefined) return
    this.#running = this.#report().finally(() => {
      this.#running = undefined
      // Drops that were added after the last check would otherwise wait for the next commit.
      this.pump()
    })
  }

  /** Resolves when every committed drop has been reported. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** The staged offsets `from ≤ x < to` could not be committed: see `collapsedOffset`. */
  collapse(from: number, to: number): void {
    for (const entry of this.#entries) {
      entry.from = collapsedOffset(entry.from, from, to)
      entry.to = collapsedOffset(entry.to, from, to)
    }
    this.#entries = this.#entries.filter((entry) => entry.from < entry.to)
  }

  #nextReadable(): Entry | undefined {
    return this.#entries.find((entry) => entry.from < this.#options.log.committed)
  }

  async #report(): Promise<void> {
    // One tick later, so that drops that follow each other are read together.
    await Promise.resolve()
    for (let entry = this.#nextReadable(); entry !== undefined; entry = this.#nextReadable()) {
      await this.#reportSome(entry)
      if (entry.from >= entry.to) this.#entries = this.#entries.filter((other) => other !== entry)
    }
    if (this.#entries.length === 0) this.#options.onDone()
  }

  async #reportSome(entry: Entry): Promise<void> {
    const { log, onDropped } = this.#options
    const until = Math.min(entry.to, log.committed)
    const count = Math.min(until - entry.from, MAX_READ_MESSAGES)
    let messages: readonly Message[]
    try {
      messages = await log.read(entry.from, count, MAX_READ_BYTES)
    } catch {
      // The medium can't be read: the drop stays counted, but its senders are not known.
      entry.from = until
      return
    }
    let next = entry.from
    for (const message of messages) {
      next = Math.min(message.offset + 1, until)
      if (message.offset >= until) break
      onDropped(message, entry.refusal)
    }
    entry.from = messages.length === 0 ? until : next
  }
}
