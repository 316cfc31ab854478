/**
 * Looks for a message by its id, in all channels, the newest first. Logs have no index of ids, so the
 * search reads them, bounded by bytes and time. A generated id names its log and offset, so the
 * search finds it at once.
 */
import type { Channel } from '../../channels/channel.ts'
import type { Clock } from '../../clock.ts'
import type { Message } from '../../message.ts'

export interface FoundMessage {
  readonly channel: Channel
  readonly message: Message
}

export interface SearchResult {
  /**
   * The newest first; only those in the window where the first was found, without their payloads.
   */
  readonly found: readonly FoundMessage[]
  /** Whether the window has more than are shown. */
  readonly isCut: boolean
  readonly scannedMessages: number
  /** Whether the search covered every stored message that it had to. */
  readonly isComplete: boolean
}

export interface SearchBounds {
  readonly maxBytes: number
  readonly maxMs: number
}

/** Senders choose their ids, so any number of messages may have the same one. */
const MAX_FOUND = 20
const NOTHING = Buffer.alloc(0)
const WINDOW_MESSAGES = 2_000
const WINDOW_BYTES = 4 * 1024 * 1024
const DEFAULT_BOUNDS: SearchBounds = { maxBytes: 128 * 1024 * 1024, maxMs: 5_000 }
const GENERATED_ID = /^([0-9a-f]{8})-([0-9]{1,15})$/

export async function findMessages(
  channels: Iterable<Channel>,
  id: string,
  clock: Clock,
  bounds = DEFAULT_BOUNDS,
): Promise<SearchResult> {
  const generated = await findGenerated(channels, id)
  if (generated !== undefined) {
    return { found: [generated], isCut: false, scannedMessages: 1, isComplete: true }
  }
  const scan = new Scan(id)
  const deadline = clock.monotonic() + bounds.maxMs
  let windows = [...channels].map((channel) => ({ channel, to: channel.log.committed }))
  while (windows.length > 0 && scan.found.length === 0) {
    const older: typeof windows = []
    for (const { channel, to } of windows) {
      if (clock.monotonic() >= deadline || scan.bytes >= bounds.maxBytes) {
        return scan.result(false)
      }
      const from = Math.max(channel.log.start, to - WINDOW_MESSAGES)
      await scan.window(channel, from, to)
      if (from > channel.log.start) older.push({ channel, to: from })
    }
    windows = older
  }
  return scan.result(windows.length === 0)
}

async function findGenerated(
  channels: Iterable<Channel>,
  id: string,
): Promise<FoundMessage | undefined> {
  const [, logId, offset] = GENERATED_ID.exec(id) ?? []
  for (const channel of channels) {
    if (channel.log.id !== logId) continue
    const [message] = await channel.log.read(Number(offset), 1, 1)
    if (message?.messageId === id) return { channel, message: withoutPayload(message) }
  }
  return undefined
}

class Scan {
  found: FoundMessage[] = []
  bytes = 0
  #isCut = false
  readonly #id: string
  #messages = 0

  constructor(id: string) {
    this.#id = id
  }

  result(isComplete: boolean): SearchResult {
    this.#cut()
    const { found } = this
    return { found, isCut: this.#isCut, scannedMessages: this.#messages, isComplete }
  }

  async window(channel: Channel, from: number, to: number): Promise<void> {
    for (let next = from; next < to; ) {
      const messages = await channel.log.read(next, to - next, WINDOW_BYTES)
      for (const message of messages) {
        this.bytes += message.payload.length
        this.#messages += 1
        const isIt = message.senderId === this.#id || message.messageId === this.#id
        if (isIt && message.offset < to) this.#add({ channel, message: withoutPayload(message) })
      }
      next = (messages.at(-1)?.offset ?? to) + 1
    }
  }

  #add(found: FoundMessage): void {
    this.found.push(found)
    if (this.found.length > 2 * MAX_FOUND) this.#cut()
  }

  #cut(): void {
    this.found.sort((one, other) => other.message.receivedAt - one.message.receivedAt)
    if (this.found.length <= MAX_FOUND) return
    this.#isCut = true
    this.found = this.found.slice(0, MAX_FOUND)
  }
}

/** What was read with the message is not kept in memory by it. */
function withoutPayload(message: Message): Message {
  const { offset, receivedAt, topic, senderId, messageId, reply } = message
  return { offset, receivedAt, topic, senderId, messageId, payload: NOTHING, reply }
}
