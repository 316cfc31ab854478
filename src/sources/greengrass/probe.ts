/**
 * Shows that a subscription is alive: a message of our own, on a topic that the filter matches, has
 * to come back on it. Nucleus lite drops subscriptions silently, and nothing else shows it.
 */
import { randomBytes } from 'node:crypto'

/** No channel can have this name, so no message of others is taken for a probe. */
const LEVEL = '__probe'

export class Probe {
  /** A topic that the filter matches. */
  readonly topic: string
  /** Different for each subscription: other filters may match the same topic. */
  readonly #prefix = randomBytes(9).toString('base64')
  #count = 0
  #isExpected = false

  /** @param filter with a wildcard */
  constructor(filter: string) {
    this.topic = probeTopicOf(filter)
  }

  /** The payload to publish now. */
  next(): Buffer {
    this.#count += 1
    this.#isExpected = true
    return Buffer.from(this.#text)
  }

  /** The last one has not come back. */
  get isMissing(): boolean {
    return this.#isExpected
  }

  /** Notes what has come on the subscription. */
  received(payload: Buffer): void {
    if (payload.toString('latin1') === this.#text) this.#isExpected = false
  }

  get #text(): string {
    return `${this.#prefix} ${this.#count}`
  }
}

/**
 * A topic that the filter matches. The nucleus must allow the connector to publish there.
 * @param filter with a wildcard
 */
export function probeTopicOf(filter: string): string {
  return filter.replaceAll(/[+#]/g, LEVEL)
}

/** Whether messages on the topic are probes, of this connector or another one. */
export function isProbeTopic(topic: string): boolean {
  return topic.split('/').includes(LEVEL)
}

/** A filter without a wildcard matches one topic, which others use: no probe can be sent there. */
export function canBeProbed(filter: string): boolean {
  return /[+#]/.test(filter)
}
