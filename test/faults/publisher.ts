/** A device that numbers its messages and reports to the oracle which were acknowledged. */
import { connectAsync, type MqttClient } from 'mqtt'
import { idOf, type MessageName, payloadOf } from './numbered-message.ts'
import type { Oracle } from './oracle.ts'

/** Messages sent and not yet acknowledged, at most. */
const WINDOW = 20

export interface PublisherPlan {
  readonly name: string
  readonly channel: string
  readonly qos: 1 | 2
  readonly protocolVersion: 4 | 5
  /** Raw bytes, without an id from the sender. */
  readonly isBinary: boolean
  /** After each acknowledgement, so that a campaign's messages stay countable. */
  readonly pauseMs: number
  /** If given, messages are sent by this number of senders in turn, each with its own channel. */
  readonly senders?: number
}

/** The senders of this plan, and the channel of each. */
export function sendersOf({
  name,
  channel,
  senders,
}: PublisherPlan): (readonly [string, string])[] {
  if (senders === undefined) return [[name, channel]]
  return Array.from({ length: senders }, (_, sender) => [
    `${name}v${sender}`,
    `${channel}_${sender}`,
  ])
}

export class Publisher {
  readonly plan: PublisherPlan
  oracle: Oracle
  #onAcknowledged: (() => void) | undefined
  #next: number
  #isStopped = true
  readonly #senders: (readonly [string, string])[]

  constructor(plan: PublisherPlan, oracle: Oracle, next = 0) {
    this.plan = plan
    this.#senders = sendersOf(plan)
    this.oracle = oracle
    this.#next = next
  }

  get next(): number {
    return this.#next
  }

  /**
   * Sends until `stop`, or until nothing listens any more. A connection that ends is opened again:
   * the connector ends those of 3.1.1 clients whose messages it cannot store. Messages that are not
   * acknowledged then are not sent again.
   */
  async send(url: string): Promise<void> {
    this.#isStopped = false
    while (!this.#isStopped && (await this.#sendUntilCut(url)));
  }

  /** Returns whether the connector listened. */
  async #sendUntilCut(url: string): Promise<boolean> {
    const { protocolVersion } = this.plan
    const options = { protocolVersion, reconnectPeriod: 0, connectTimeout: 5_000 }
    // Without retries a connection that ends before its CONNACK is reported as an error.
    const client = await connectAsync(url, options, false).catch(() => undefined)
    if (client === undefined) return false // the connector went first
    client.on('error', () => {})
    const cut = new Promise<void>((resolve) => client.once('close', () => resolve()))
    let lanes = WINDOW
    const ended = new Promise<void>((resolve) => {
      const leave = () => {
        lanes -= 1
        if (lanes === 0) resolve()
      }
      for (let lane = 0; lane < WINDOW; lane++) this.#sendNext(client, leave)
    })
    await Promise.race([cut, ended])
    client.end(true)
    return true
  }

  nextAcknowledgement(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAcknowledged = resolve
    })
  }

  /** Sends no more; messages under way may still be acknowledged. */
  stop(): void {
    this.#isStopped = true
  }

  #nextName(): readonly [MessageName, string] {
    const place = this.#next++
    const [publisher = '', channel = ''] = this.#senders[place % this.#senders.length] ?? []
    return [{ publisher, number: Math.floor(place / this.#senders.length) }, channel]
  }

  #sendNext(client: MqttClient, leave: () => void): void {
    if (this.#isStopped || !client.connected) {
      leave()
      return
    }
    const { plan, oracle } = this
    const [name, channel] = this.#nextName()
    const topic = `iotanalytics/channels/${channel}/messages${plan.isBinary ? '/binary' : ''}/put`
    const payload = payloadOf(name)
    const body = plan.isBinary
      ? payload
      : JSON.stringify({ request: { message: payload }, id: idOf(name) })
    client.publish(topic, body, { qos: plan.qos }, (error) => {
      // MQTT 5 refuses with a reason code, which is an error here: the message was not
      // acknowledged.
      if (!(error instanceof Error)) {
        oracle.acknowledged(name)
        this.#onAcknowledged?.()
      }
      setTimeout(() => this.#sendNext(client, leave), plan.pauseMs)
    })
  }
}
