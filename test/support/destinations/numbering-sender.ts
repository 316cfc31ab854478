/** A device with its own channel, whose messages are numbered in sending order. */
import { createHash } from 'node:crypto'
import { connectAsync, type IClientOptions } from 'mqtt'

/** The most messages sent and not yet acknowledged. */
const WINDOW = 20

export class NumberingSender {
  readonly channel: string
  /** Numbers the connector has acknowledged. */
  readonly acknowledged: number[] = []
  readonly #qos: 1 | 2
  readonly #options: IClientOptions
  #next = 0

  constructor(channel: string, qos: 1 | 2, options: IClientOptions = {}) {
    this.channel = channel
    this.#qos = qos
    this.#options = options
  }

  /** Sends until the connection ends. Messages not acknowledged by then are not sent again. */
  async sendUntilCut(url: string): Promise<void> {
    const options = { reconnectPeriod: 0, connectTimeout: 2_000, ...this.#options }
    // Without retries, a connection that ends before its CONNACK is noticed.
    const client = await connectAsync(url, options, false).catch(() => undefined)
    if (client === undefined) return // the connector went first
    client.on('error', () => {})
    const cut = new Promise<void>((resolve) => client.once('close', () => resolve()))
    const sendNext = () => {
      if (!client.connected) return
      const number = this.#next++
      const envelope = {
        request: { message: numberedPayload(this.channel, number) },
        id: `${number}`,
      }
      const topic = `iotanalytics/channels/${this.channel}/messages/put`
      client.publish(topic, JSON.stringify(envelope), { qos: this.#qos }, (error) => {
        if (error instanceof Error) return
        this.acknowledged.push(number)
        sendNext()
      })
    }
    for (let lane = 0; lane < WINDOW; lane++) sendNext()
    await cut
    client.end(true)
  }
}

/** Payloads of many lengths and all different, so that an altered message is noticed. */
export function numberedPayload(channel: string, number: number): string {
  const digest = createHash('sha256').update(`${channel}/${number}`).digest('hex')
  return `${channel}/${number}/${digest.repeat(1 + (number % 7))}`
}
