/**
 * Receipts on their way to the broker: a bounded queue, of which the first few are being sent.
 * What was being sent when the connection went is sent again on the next one, at most twice: a
 * receipt that costs us the connection each time is let go.
 */
export interface Receipt {
  readonly topic: string
  readonly payload: Buffer
  readonly correlation: Buffer | undefined
  attempts: number
}

const MAX_ATTEMPTS = 3

export class ReceiptQueue {
  readonly #maxReceipts: number
  #waiting: Receipt[] = []
  /** Where the waiting ones begin in `#waiting`; those before have been taken. */
  #head = 0
  readonly #sending = new Set<Receipt>()

  constructor(maxReceipts: number) {
    this.#maxReceipts = maxReceipts
  }

  get sending(): number {
    return this.#sending.size
  }

  get isEmpty(): boolean {
    return this.#sending.size === 0 && this.#head === this.#waiting.length
  }

  /** False when there is no room for it. */
  add(topic: string, payload: Buffer, correlation: Buffer | undefined): boolean {
    if (this.#waiting.length - this.#head + this.#sending.size >= this.#maxReceipts) return false
    this.#waiting.push({ topic, payload, correlation, attempts: 0 })
    return true
  }

  /** The next one to send; it counts as being sent until `sent` or `recall`. */
  take(): Receipt | undefined {
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

  sent(receipt: Receipt): void {
    this.#sending.delete(receipt)
  }

  /** Puts back what was being sent, before all others. Returns how many were let go instead. */
  recall(): number {
    const again = [...this.#sending].filter((receipt) => receipt.attempts < MAX_ATTEMPTS)
    const dropped = this.#sending.size - again.length
    this.#waiting = [...again, ...this.#waiting.slice(this.#head)]
    this.#head = 0
    this.#sending.clear()
    return dropped
  }

  /** Lets go of everything. Returns how many that were. */
  clear(): number {
    const dropped = this.#waiting.length - this.#head + this.#sending.size
    this.#waiting = []
    this.#head = 0
    this.#sending.clear()
    return dropped
  }
}
