/**
 * Topic aliases for one MQTT 5 client (section 3.3.2.3.4): the first topics sent to it get numbers,
 * and from the second message on the number stands for the topic.
 */

/** A topic's number. If the client knows it, the topic itself need not be written. */
export interface PublishAlias {
  readonly number: number
  readonly isKnown: boolean
}

export class TopicAliases {
  readonly #maximum: number
  readonly #byName = new Map<string, PublishAlias>()

  /** `maximum` is the client's Topic Alias Maximum [MQTT-3.1.2-26]. */
  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /**
   * Numbers the topic, if a number is free. The first result for a topic must be sent or taken
   * back.
   */
  of(topic: string): PublishAlias | undefined {
    const known = this.#byName.get(topic)
    if (known !== undefined) return known
    if (this.#byName.size >= this.#maximum) return undefined
    const number = this.#byName.size + 1
    this.#byName.set(topic, { number, isKnown: true })
    return { number, isKnown: false }
  }

  /** The message that would have introduced the topic's number to the client was not sent. */
  takeBack(topic: string): void {
    this.#byName.delete(topic)
  }
}
