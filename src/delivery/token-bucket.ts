/**
 * A rate that is kept over any stretch of time: a bucket that holds one second's worth and fills at
 * the rate. It may be overdrawn by what turned out larger than expected; that is waited for later.
 * Pure: time comes in as an argument.
 */
export class TokenBucket {
  readonly #perSecond: number
  #balance: number
  #filledAt: number

  /** @param nowMs of a clock that never goes back, as all times here. The bucket begins full. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond
    this.#balance = perSecond
    this.#filledAt = nowMs
  }

  /** What may be spent now; negative while overdrawn. */
  available(nowMs: number): number {
    const filled = this.#balance + ((nowMs - this.#filledAt) / 1000) * this.#perSecond
    this.#balance = Math.min(this.#perSecond, filled)
    this.#filledAt = nowMs
    return this.#balance
  }

  /** Milliseconds until `amount`, or as much as the bucket holds, is there; 0 for now. */
  untilMs(amount: number, nowMs: number): number {
    const missing = Math.min(amount, this.#perSecond) - this.available(nowMs)
    return missing <= 0 ? 0 : Math.max(1, Math.ceil((missing / this.#perSecond) * 1000))
  }

  /** A negative amount is given back. */
  spend(amount: number, nowMs: number): void {
    this.#balance = this.available(nowMs) - amount
  }
}
