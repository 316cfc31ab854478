/**
 * Topic aliases towards one MQTT 5 client (section 3.3.2.3.4): the first topics it gets are given
 * numbers, and from their second message on the number stands for the topic.
 */

/** A topic's number, and whether the client knows it, so that the topic need not be written. */
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

  /** Gives the topic a number while there are any. What it returns first is to be sent, or taken back. */
  of(topic: string): PublishAlias | undefined {
    const known = this.#byName.get(topic)
    if (known !== undefined) return known
    if (this.#byName.size >= this.#maximum) return undefined
    const number = this.#byName.size + 1
    this.#byName.set(topic, { number, isKnown: true })
    return { number, isKnown: false }
  }

  /** The message that would have told the client the newest number was not sent. */
  takeBack(topic: string): void {
    this.#byName.delete(topic)
  }
}
