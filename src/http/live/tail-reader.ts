/**
 * Reads the new messages of a channel from its log, once for all viewers. Of more messages than a
 * person can read it shows an even sample.
 */
import type { Message } from '../../message.ts'
import type { Tail } from '../api/shapes/messages.ts'
import type { ConnectorView } from '../views/connector-view.ts'
import { cutMessage } from '../views/message-line.ts'

/** Per tick. */
const MAX_SHOWN = 20

export class TailReader {
  readonly #channel: string
  readonly #view: Pick<ConnectorView, 'readMessages'>
  /** Undefined until the channel could be read. */
  #next: number | undefined
  #isReading = false

  constructor(channel: string, view: Pick<ConnectorView, 'readMessages'>) {
    this.#channel = channel
    this.#view = view
  }

  /** Begins at the end of the channel; if there is no such channel yet, at its first message. */
  async open(): Promise<void> {
    this.#next = (await this.#end()) ?? 0
  }

  /** What came since the call before; undefined if nothing did. Never rejects. */
  async read(): Promise<Tail | undefined> {
    // A slow disk costs ticks, and no queue grows.
    if (this.#isReading) return undefined
    this.#isReading = true
    try {
      if (this.#next === undefined) await this.open()
      return await this.#readNew(this.#next ?? 0)
    } catch {
      // The verdict says what is wrong with storage. The tail goes on when it can be read again.
      return undefined
    } finally {
      this.#isReading = false
    }
  }

  async #readNew(from: number): Promise<Tail | undefined> {
    const end = await this.#end()
    if (end === undefined || end <= from) return undefined
    const messages: Message[] = []
    for (const offset of sampled(from, end)) {
      const page = await this.#view.readMessages(this.#channel, { offset }, 1)
      const [message] = page?.messages ?? []
      // The beginning of the log may have been removed since.
      if (message !== undefined && message.offset > (messages.at(-1)?.offset ?? -1)) {
        messages.push(message)
      }
    }
    this.#next = end
    return {
      channel: this.#channel,
      from,
      next: end,
      skipped: end - from - messages.length,
      messages: messages.map(cutMessage),
    }
  }

  async #end(): Promise<number | undefined> {
    return (await this.#view.readMessages(this.#channel, 'now', 1))?.next
  }
}

/** All offsets from `from` up to `end`, or evenly spaced ones, with the last one among them. */
function sampled(from: number, end: number): number[] {
  const count = end - from
  const shown = Math.min(count, MAX_SHOWN)
  return Array.from(
    { length: shown },
    (_, index) => from + Math.floor(((index + 1) * count) / shown) - 1,
  )
}
