/**
 * Receipts on their way to a broker or a nucleus: a bounded queue, of which the first few are being
 * sent. A receipt carries its sender's id, which may be long, so its bytes are bounded as well.
 *
 * Receipts that were being sent when the connection ended are sent again on the next one, at most
 * twice: a receipt that makes the peer close the connection each time is dropped.
 */
import type { PackedPayloads } from './source.ts'

export interface QueuedReceipt {
  readonly topic: string
  readonly payload: Buffer
  readonly correlation: Buffer | undefined
  attempts: number
}

const MAX_ATTEMPTS = 3
const MAX_BYTES = 16 * 1024 * 1024
/** Measured: the objects of one receipt. */
const OBJECT_BYTES = 300

export class ReceiptQueue {
  readonly #maxReceipts: number
  readonly #maxBytes: number
  #bytes = 0
  #waiting: QueuedReceipt[] = []
  /** Where the waiting receipts begin in `#waiting`; those before have been taken. */
  #head = 0
  readonly #sending = new Set<QueuedReceipt>()

  constructor(maxReceipts: number, maxBytes = MAX_BYTES) {
    this.#maxReceipts = maxReceipts
    this.#maxBytes = maxBytes
  }

  get sending(): number {
    return this.#sending.size
  }

  get isEmpty(): boolean {
    return this.#sending.size === 0 && this.#head === this.#waiting.length
  }

  /** Returns false if there is no room for it. */
  add(topic: string, payload: Buffer, correlation: Buffer | undefined): boolean {
    if (this.#waiting.length - this.#head + this.#sending.size >= this.#maxReceipts) return false
    const receipt = { topic, payload, correlation, attempts: 0 }
    const bytes = bytesOf(receipt)
    if (this.#bytes + bytes > this.#maxBytes) return false
    this.#bytes += bytes
    this.#waiting.push(receipt)
    return true
  }

  /** Copies the payloads. Returns how many of them have no room. */
  addAll(topic: string, { count, bytes, ends }: PackedPayloads): number {
    const copy = Buffer.from(bytes.subarray(0, ends[count - 1] ?? 0))
    let start = 0
    let dropped = 0
    for (let index = 0; index < count; index++) {
      const end = ends[index] ?? start
      if (!this.add(topic, copy.subarray(start, end), undefined)) dropped += 1
      start = end
    }
    return dropped
  }

  /** The next receipt to send. It counts as being sent until `sent` or `recall`. */
  take(): QueuedReceipt | undefined {
    const receipt = this.#waiting[this.#head]
    if (receipt === undefined) return undefined
    this.#head += 1
    if (this.#head === this.#waiting.length || this.#head >= 1024) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
    receipt.attempts += 1
    this.#sending.add(receipt)
    return receipt
  }

  sent(receipt: QueuedReceipt): void {
    if (this.#sending.delete(receipt)) this.#bytes -= bytesOf(receipt)
  }

  /**
   * Puts receipts that were being sent back to the front. Returns how many were dropped instead.
   */
  recall(): number {
    const again: QueuedReceipt[] = []
    for (const receipt of this.#sending) {
      if (receipt.attempts < MAX_ATTEMPTS) again.push(receipt)
      else this.#bytes -= bytesOf(receipt)
    }
    const dropped = this.#sending.size - again.length
    this.#waiting = [...again, ...this.#waiting.slice(this.#head)]
    this.#head = 0
    this.#sending.clear()
    return dropped
  }

  /** Drops all receipts. Returns how many. */
  clear(): number {
    const dropped = this.#waiting.length - this.#head + this.#sending.size
    this.#waiting = []
    this.#head = 0
    this.#sending.clear()
    this.#bytes = 0
    return dropped
  }
}

function bytesOf({ topic, payload, correlation }: QueuedReceipt): number {
  return topic.length + payload.length + (correlation?.length ?? 0) + OBJECT_BYTES
}
