/**
 * Topic aliases for one MQTT 5 client (section 3.3.2.3.4): the first topics sent to it get numbers,
 * and from the second message on the number stands for the topic.
 */
import type { SharedBound } from '../limits/shared-bound.ts'

/** A topic's number. If the client knows it, the topic itself need not be written. */
export interface PublishAlias {
  readonly number: number
  readonly isKnown: boolean
}

/** Measured: what is kept for an alias beside the characters of its topic. */
const ALIAS_BYTES = 128

export class TopicAliases {
  readonly #maximum: number
  readonly #bound: SharedBound
  readonly #byName = new Map<string, PublishAlias>()
  #bytes = 0

  /**
   * `maximum` is at most the client's Topic Alias Maximum [MQTT-3.1.2-26]. `bound` holds the bytes
   * that are kept for all clients.
   */
  constructor(maximum: number, bound: SharedBound) {
    this.#maximum = maximum
    this.#bound = bound
  }

  /**
   * Numbers the topic, if a number is free. The first result for a topic must be sent or taken
   * back.
   */
  of(topic: string): PublishAlias | undefined {
    const known = this.#byName.get(topic)
    if (known !== undefined) return known
    const bytes = ALIAS_BYTES + topic.length
    if (this.#byName.size >= this.#maximum || !this.#bound.allows(this.#bytes, bytes)) {
      return undefined
    }
    const number = this.#byName.size + 1
    this.#byName.set(topic, { number, isKnown: true })
    this.#count(bytes)
    return { number, isKnown: false }
  }

  /** The message that would have introduced the topic's number to the client was not sent. */
  takeBack(topic: string): void {
    if (this.#byName.delete(topic)) this.#count(-ALIAS_BYTES - topic.length)
  }

  /** The connection has ended. */
  clear(): void {
    this.#byName.clear()
    this.#count(-this.#bytes)
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#bound.take(bytes)
  }
}
