/** Devices that publish numbered messages, each once, and note which were acknowledged. */
import { connectAsync, type MqttClient } from 'mqtt'
import { payloadOf } from '../numbered-message.ts'

/** Messages under way per channel. */
const WINDOW = 10
const PAUSE_MS = 4

export class Publishing {
  readonly channels: readonly string[]
  readonly acknowledged = new Map<string, Set<number>>()
  readonly #next = new Map<string, number>()
  #onAcknowledged: () => void = () => {}

  constructor(channels: readonly string[]) {
    this.channels = channels
    for (const channel of channels) this.acknowledged.set(channel, new Set())
  }

  get count(): number {
    return [...this.acknowledged.values()].reduce((sum, { size }) => sum + size, 0)
  }

  nextAcknowledgement(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAcknowledged = resolve
    })
  }

  /** Publishes until the connection ends. What was not acknowledged then is never sent again. */
  async until(url: string, ended: Promise<void>): Promise<void> {
    const options = { reconnectPeriod: 0, connectTimeout: 5_000 }
    const client = await connectAsync(url, options, false).catch(() => undefined)
    if (client === undefined) return
    client.on('error', () => {})
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    for (const channel of this.channels) {
      for (let lane = 0; lane < WINDOW; lane++) this.#publishNext(client, channel)
    }
    await Promise.race([closed, ended])
    client.end(true)
  }

  #publishNext(client: MqttClient, channel: string): void {
    if (!client.connected) return
    const number = this.#next.get(channel) ?? 0
    this.#next.set(channel, number + 1)
    const topic = `iotanalytics/channels/${channel}/messages/binary/put`
    client.publish(topic, payloadOf({ publisher: channel, number }), { qos: 1 }, (error) => {
      if (!(error instanceof Error)) {
        this.acknowledged.get(channel)?.add(number)
        this.#onAcknowledged()
      }
      setTimeout(() => this.#publishNext(client, channel), PAUSE_MS)
    })
  }
}
