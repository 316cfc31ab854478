/**
 * Messages that have been read from the nucleus and are not taken yet. The connection is never left
 * unread, because one reader that pauses stops every component of the device. So what can't be taken
 * now waits here, within bounds, and what exceeds them is refused.
 *
 * It outlives the connector's intake: while a changed configuration is applied, messages wait here
 * for the next one.
 */

export interface InboxTaker {
  /** While true, messages wait. */
  readonly isBusy: boolean
  /** `payload` is valid until it returns. */
  take(topic: string, payload: Buffer): void
  /** `payload` is undefined if it is gone. */
  refuse(topic: string, payload: Buffer | undefined, why: 'full' | 'stopping'): void
  /** A message came that can't be read, not even its topic. */
  refuseUnread(why: Unread): void
}

/** `oversized`: longer than what is read at all. `unreadable`: it has another form. */
export type Unread = 'oversized' | 'unreadable'

export interface InboxOptions {
  readonly maxMessages: number
  readonly maxBytes: number
}

interface Waiting {
  readonly topic: string
  readonly payload: Buffer
}

/** Measured: the objects of one message. */
const OBJECT_BYTES = 200
/** Topics whose refused messages are counted apart, and messages that could not be read. */
const MAX_TOPICS = 1_000

export class Inbox {
  #options: InboxOptions
  #taker: InboxTaker | undefined
  #waiting: Waiting[] = []
  /** Where the waiting messages begin in `#waiting`. */
  #head = 0
  #bytes = 0
  /** By topic: messages that had no room while nobody could refuse them. */
  readonly #overflown = new Map<string, number>()
  #unread: Unread[] = []

  constructor(options: InboxOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#waiting.length - this.#head
  }

  set bounds(options: InboxOptions) {
    this.#options = options
  }

  /** The payload is copied if it has to wait. */
  add(topic: string, payload: Buffer): void {
    const taker = this.#taker
    if (taker !== undefined && this.size === 0 && !taker.isBusy) taker.take(topic, payload)
    else if (this.#hasRoomFor(topic, payload)) this.#keep(topic, payload)
    else if (taker !== undefined) taker.refuse(topic, payload, 'full')
    else this.#countOverflown(topic)
  }

  addUnread(why: Unread): void {
    if (this.#taker !== undefined) this.#taker.refuseUnread(why)
    else if (this.#unread.length < MAX_TOPICS) this.#unread.push(why)
  }

  /** From now on `taker` gets the messages, first those that wait: call `drain`. */
  attach(taker: InboxTaker): void {
    this.#taker = taker
  }

  detach(): void {
    this.#taker = undefined
  }

  /** Hands over what waits, as far as it is taken now. */
  drain(): void {
    const taker = this.#taker
    if (taker === undefined) return
    while (this.size > 0 && !taker.isBusy) {
      const next = this.#waiting[this.#head]
      if (next === undefined) break
      this.#head += 1
      this.#bytes -= bytesOf(next.topic, next.payload)
      taker.take(next.topic, next.payload)
    }
    this.#shrink()
    this.#refuseOverflown(taker)
  }

  /** Refuses what still waits: no taker comes after this one. */
  refuseWaiting(): void {
    for (const { topic, payload } of this.#waiting.slice(this.#head)) {
      this.#taker?.refuse(topic, payload, 'stopping')
    }
    this.#waiting = []
    this.#head = 0
    this.#bytes = 0
  }

  #hasRoomFor(topic: string, payload: Buffer): boolean {
    const { maxMessages, maxBytes } = this.#options
    return this.size < maxMessages && this.#bytes + bytesOf(topic, payload) <= maxBytes
  }

  #keep(topic: string, payload: Buffer): void {
    this.#waiting.push({ topic, payload: Buffer.from(payload) })
    this.#bytes += bytesOf(topic, payload)
  }

  #shrink(): void {
    if (this.#head === 0) return
    if (this.#head < this.#waiting.length && this.#head < 1024) return
    this.#waiting = this.#waiting.slice(this.#head)
    this.#head = 0
  }

  #countOverflown(topic: string): void {
    const isNew = !this.#overflown.has(topic)
    const [other = topic] =
      isNew && this.#overflown.size >= MAX_TOPICS ? this.#overflown.keys() : []
    this.#overflown.set(other, (this.#overflown.get(other) ?? 0) + 1)
  }

  #refuseOverflown(taker: InboxTaker): void {
    for (const [topic, count] of this.#overflown) {
      for (let i = 0; i < count; i++) taker.refuse(topic, undefined, 'full')
    }
    this.#overflown.clear()
    for (const why of this.#unread) taker.refuseUnread(why)
    this.#unread = []
  }
}

function bytesOf(topic: string, payload: Buffer): number {
  return topic.length + payload.length + OBJECT_BYTES
}
