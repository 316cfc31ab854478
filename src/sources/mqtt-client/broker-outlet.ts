/**
 * Receipts out to the broker. Kept in a bounded queue while it is away or slow; what does not fit
 * is dropped and counted.
 */
import type { MqttClient } from 'mqtt'
import type { ReplyTo } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'
import type { PackedPayloads, ReceiptOutlet } from '../source.ts'
import { RECEIPT_MARK } from './inbound-messages.ts'
import type { MqttClientOptions } from './options.ts'
import { type Receipt, ReceiptQueue } from './receipt-queue.ts'

/** Receipts handed to MQTT.js and not yet written (QoS 0) or acknowledged (QoS 1). */
const MAX_SENDING = 64
/** What may be published to: no wildcards [MQTT-3.3.2-2], nothing of the broker’s own. */
const PUBLISHABLE = /^[^$+#\0][^+#\0]*$/

export interface BrokerOutletOptions {
  readonly source: string
  readonly options: MqttClientOptions
  readonly observer: PipelineObserver
}

export class BrokerOutlet implements ReceiptOutlet {
  readonly #source: string
  readonly #options: MqttClientOptions
  readonly #observer: PipelineObserver
  readonly #queue: ReceiptQueue
  #client: MqttClient | undefined
  #maxSending = MAX_SENDING
  #closed = false
  #onEmpty: (() => void) | undefined

  constructor({ source, options, observer }: BrokerOutletOptions) {
    this.#source = source
    this.#options = options
    this.#observer = observer
    this.#queue = new ReceiptQueue(options.maxBufferedReceipts)
  }

  /** Nobody can know who subscribes at somebody else's broker. */
  hasListeners(): boolean {
    return !this.#closed
  }

  publish(topic: string, { count, bytes, ends }: PackedPayloads): void {
    if (this.#closed) return
    const copy = Buffer.from(bytes.subarray(0, ends[count - 1] ?? 0))
    let start = 0
    let dropped = 0
    for (let index = 0; index < count; index++) {
      const end = ends[index] ?? start
      if (!this.#queue.add(topic, copy.subarray(start, end), undefined)) dropped += 1
      start = end
    }
    this.#countDropped(dropped)
    this.#send()
  }

  reply({ topic, correlation }: ReplyTo, payload: Buffer): void {
    if (this.#closed) return
    const isAdded =
      PUBLISHABLE.test(topic) && this.#queue.add(topic, Buffer.from(payload), correlation)
    if (!isAdded) this.#countDropped(1)
    this.#send()
  }

  /** A connection is up: what waits goes out on it. */
  attach(client: MqttClient): void {
    this.#client = client
    this.#maxSending = Math.min(MAX_SENDING, client.serverProperties?.receiveMaximum ?? MAX_SENDING)
    this.#send()
  }

  detach(): void {
    this.#client = undefined
    this.#countDropped(this.#queue.recall())
  }

  /** Resolves when nothing waits, or at once when there is no connection. */
  async drained(): Promise<void> {
    if (this.#queue.isEmpty || this.#client === undefined) return
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
  }

  /** Takes no more; what was not sent is counted as dropped. */
  close(): void {
    this.#closed = true
    this.#client = undefined
    this.#countDropped(this.#queue.clear())
    this.#onEmpty?.()
  }

  #send(): void {
    const client = this.#client
    if (client === undefined) return
    while (this.#queue.sending < this.#maxSending) {
      const receipt = this.#queue.take()
      if (receipt === undefined) break
      this.#publish(client, receipt)
    }
    if (this.#queue.isEmpty) this.#onEmpty?.()
  }

  #publish(client: MqttClient, receipt: Receipt): void {
    const properties =
      this.#options.protocolVersion === 5
        ? {
            properties: {
              userProperties: { [RECEIPT_MARK]: '1' },
              ...(receipt.correlation === undefined
                ? {}
                : { correlationData: receipt.correlation }),
            },
          }
        : {}
    const settings = { qos: this.#options.receiptQos, ...properties }
    client.publish(receipt.topic, receipt.payload, settings, (error) => {
      // Answers of a connection that is gone come too late: its receipts have been recalled.
      if (this.#client !== client) return
      this.#queue.sent(receipt)
      if (error) this.#countDropped(1)
      this.#send()
    })
  }

  #countDropped(count: number): void {
    if (count > 0) this.#observer.receiptsDropped(this.#source, count)
  }
}
