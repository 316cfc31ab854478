/**
 * Publishes receipts to the broker. While the broker is away or slow they wait in a bounded queue;
 * receipts that do not fit are dropped and counted.
 */
import type { MqttClient } from 'mqtt'
import type { ReplyTo } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'
import { type QueuedReceipt, ReceiptQueue } from '../receipt-queue.ts'
import type { PackedPayloads, ReceiptOutlet } from '../source.ts'
import { RECEIPT_MARK } from './inbound-messages.ts'
import type { MqttClientOptions } from './options.ts'

/** The most receipts handed to MQTT.js and not yet written (QoS 0) or acknowledged (QoS 1). */
const MAX_SENDING = 64
/**
 * Response topics we publish to: no wildcards [MQTT-3.3.2-2] and none of the broker's `$` topics.
 */
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

  /** Subscribers at another broker are not visible, so assume there are some. */
  hasListeners(): boolean {
    return !this.#closed
  }

  publish(topic: string, payloads: PackedPayloads): void {
    if (this.#closed) return
    this.#countDropped(this.#queue.addAll(topic, payloads))
    this.#send()
  }

  reply({ topic, correlation }: ReplyTo, payload: Buffer): void {
    if (this.#closed) return
    const isAdded =
      PUBLISHABLE.test(topic) && this.#queue.add(topic, Buffer.from(payload), correlation)
    if (!isAdded) this.#countDropped(1)
    this.#send()
  }

  /** A connection is up: waiting receipts are sent on it. */
  attach(client: MqttClient): void {
    this.#client = client
    this.#maxSending = Math.min(MAX_SENDING, client.serverProperties?.receiveMaximum ?? MAX_SENDING)
    this.#send()
  }

  detach(): void {
    this.#client = undefined
    this.#countDropped(this.#queue.recall())
  }

  /** Resolves when no receipt waits, or at once without a connection. */
  async drained(): Promise<void> {
    if (this.#queue.isEmpty || this.#client === undefined) return
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
  }

  /** Takes no more receipts. Those not sent are counted as dropped. */
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

  #publish(client: MqttClient, receipt: QueuedReceipt): void {
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
      // An answer from an earlier connection: its receipts have been recalled already.
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
