/** A device for tests: publishes with MQTT.js and waits for receipts. */
import { EventEmitter, once } from 'node:events'
import type { TestContext } from 'node:test'
import {
  connectAsync,
  type IClientOptions,
  type IClientPublishOptions,
  type MqttClient,
} from 'mqtt'

export const STATUS_TOPIC = 'iotanalytics/messages/put/status'

export interface StatusMessage {
  readonly response: {
    readonly status: string
    readonly error?: string
    readonly error_message?: string
  }
  readonly id?: string
}

export class MqttDevice {
  readonly client: MqttClient
  /** Parsed status messages so far, in order of arrival. */
  readonly receipts: StatusMessage[] = []
  readonly #arrivals = new EventEmitter()

  private constructor(client: MqttClient) {
    this.client = client
  }

  static async connect(
    t: TestContext,
    url: string,
    options: IClientOptions = {},
  ): Promise<MqttDevice> {
    const client = await connectAsync(url, { reconnectPeriod: 0, ...options })
    t.after(() => client.endAsync(true))
    const device = new MqttDevice(client)
    client.on('message', (topic, payload) => {
      if (topic !== STATUS_TOPIC) return
      device.receipts.push(JSON.parse(payload.toString()))
      device.#arrivals.emit('receipt')
    })
    await client.subscribeAsync(STATUS_TOPIC)
    return device
  }

  /** Resolves when the connector has acknowledged the message. */
  put(channel: string, payload: string | Buffer, options: IClientPublishOptions = {}) {
    const topic = `iotanalytics/channels/${channel}/messages/put`
    return this.client.publishAsync(topic, payload, { qos: 1, ...options })
  }

  putMessage(channel: string, message: string, id?: string) {
    return this.put(channel, JSON.stringify({ request: { message }, id }))
  }

  putBinary(channel: string, payload: Buffer) {
    const topic = `iotanalytics/channels/${channel}/messages/binary/put`
    return this.client.publishAsync(topic, payload, { qos: 1 })
  }

  /** Waits until there are `count` receipts. */
  async receiptsUpTo(count: number): Promise<readonly StatusMessage[]> {
    const deadline = AbortSignal.timeout(20_000)
    while (this.receipts.length < count) await once(this.#arrivals, 'receipt', { signal: deadline })
    return this.receipts
  }
}
