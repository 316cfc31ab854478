/**
 * Publishes receipts on one bus of the nucleus. Each is an operation of its own, so a limited number
 * is under way; the rest wait in a bounded queue, and what does not fit is dropped and counted.
 */
import type { PipelineObserver } from '../../observer.ts'
import { type QueuedReceipt, ReceiptQueue } from '../receipt-queue.ts'
import type { PackedPayloads } from '../source.ts'

/** Operations under way. Nucleus lite does 250 to 600 a second for the whole device. */
const MAX_SENDING = 32

/** Rejects if the nucleus has not taken it. */
export type PublishReceipt = (topic: string, payload: Buffer) => Promise<void>

export interface StatusOutletOptions {
  /** What dropped receipts are counted under. */
  readonly source: string
  readonly publish: PublishReceipt
  readonly maxReceipts: number
  readonly observer: PipelineObserver
}

export class StatusOutlet {
  readonly #options: StatusOutletOptions
  readonly #queue: ReceiptQueue
  #isUp = false
  /** Answers of an earlier connection say nothing of what is sent again on this one. */
  #connections = 0
  #isClosed = false
  #onEmpty: (() => void) | undefined

  constructor(options: StatusOutletOptions) {
    this.#options = options
    this.#queue = new ReceiptQueue(options.maxReceipts)
  }

  /** Subscribers at the nucleus are not visible, so assume there are some. */
  hasListeners(): boolean {
    return !this.#isClosed
  }

  publish(topic: string, payloads: PackedPayloads): void {
    if (this.#isClosed) return
    this.#countDropped(this.#queue.addAll(topic, payloads))
    this.#send()
  }

  up(): void {
    this.#isUp = true
    this.#connections += 1
    this.#send()
  }

  /** What was under way is sent again when it is up. */
  down(): void {
    this.#isUp = false
    this.#countDropped(this.#queue.recall())
  }

  /** Resolves when no receipt waits, or at once while the nucleus is away. */
  async drained(): Promise<void> {
    if (this.#queue.isEmpty || !this.#isUp) return
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
  }

  /** Takes no more receipts. Those not sent are counted as dropped. */
  close(): void {
    this.#isClosed = true
    this.#countDropped(this.#queue.clear())
    this.#onEmpty?.()
  }

  #send(): void {
    while (this.#isUp && this.#queue.sending < MAX_SENDING) {
      const receipt = this.#queue.take()
      if (receipt === undefined) break
      const connection = this.#connections
      const settle = (dropped: number) => {
        if (this.#isUp && connection === this.#connections) this.#sent(receipt, dropped)
      }
      this.#options.publish(receipt.topic, receipt.payload).then(
        () => settle(0),
        () => settle(1),
      )
    }
    if (this.#queue.isEmpty) this.#onEmpty?.()
  }

  #sent(receipt: QueuedReceipt, dropped: number): void {
    this.#queue.sent(receipt)
    this.#countDropped(dropped)
    this.#send()
  }

  #countDropped(count: number): void {
    if (count > 0) this.#options.observer.receiptsDropped(this.#options.source, count)
  }
}
