/** A connection to a nucleus whose subscriptions a test feeds, ends and lets die. */
import { ConnectorError } from '../../../../src/errors.ts'
import type {
  Bus,
  NucleusConnection,
  OnMessage,
  OpenSubscription,
} from '../../../../src/sources/greengrass/nucleus-connection.ts'
import { TopicFilter } from '../../../../src/topics.ts'

interface Stream {
  readonly bus: Bus
  readonly filter: string
  readonly onMessage: OnMessage
  readonly onEnded: () => void
  /** It delivers nothing any more, and nobody is informed. */
  isDead: boolean
}

export class FakeNucleus implements NucleusConnection {
  readonly isLite: boolean
  readonly streams = new Set<Stream>()
  readonly published: { readonly topic: string; readonly payload: string }[] = []
  /** Filters and topics that the component has no permission for, on each bus. */
  readonly denied = new Set<string>()
  /** The same at AWS IoT Core only. */
  readonly deniedInCloud = new Set<string>()
  /** It does not answer what is published. */
  hangs = false
  /** Subscriptions asked for so far. */
  asked = 0

  constructor({ isLite = false } = {}) {
    this.isLite = isLite
  }

  async subscribe(
    bus: Bus,
    filter: string,
    onMessage: OnMessage,
    onEnded: () => void,
  ): Promise<OpenSubscription> {
    this.asked += 1
    this.#refuseIfDenied(bus, filter)
    const stream = { bus, filter, onMessage, onEnded, isDead: false }
    this.streams.add(stream)
    return { close: () => void this.streams.delete(stream) }
  }

  async publish(bus: Bus, topic: string, payload: Buffer): Promise<void> {
    this.#refuseIfDenied(bus, topic)
    if (this.hangs) return new Promise(() => {})
    this.published.push({ topic, payload: payload.toString() })
    this.deliver(bus, topic, payload.toString())
  }

  /** To every subscription that matches, in the order in which they were made. */
  deliver(bus: Bus, topic: string, payload: string): void {
    for (const stream of [...this.streams]) {
      if (stream.bus !== bus || stream.isDead) continue
      if (new TopicFilter(stream.filter).matches(topic))
        stream.onMessage(topic, Buffer.from(payload))
    }
  }

  get filters(): string[] {
    return [...this.streams].map(({ filter }) => filter).sort()
  }

  letDie(): void {
    for (const stream of this.streams) stream.isDead = true
  }

  end(): void {
    for (const stream of this.streams) {
      this.streams.delete(stream)
      stream.onEnded()
    }
  }

  #refuseIfDenied(bus: Bus, name: string): void {
    const isDenied = this.denied.has(name) || (bus === 'cloud' && this.deniedInCloud.has(name))
    if (isDenied) throw new ConnectorError('NucleusRefused', `no permission: ${name}`)
  }
}
