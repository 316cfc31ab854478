/**
 * Limits a rate: the bucket holds the amount of one second and fills at the rate. A batch that is
 * larger than expected may overdraw it; later batches wait until that has filled up. Pure: time
 * comes in as an argument.
 */
export class TokenBucket {
  readonly #perSecond: number
  #balance: number
  #filledAt: number

  /** The bucket begins full. @param nowMs of a clock that never goes back, as all times here */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond
    this.#balance = perSecond
    this.#filledAt = nowMs
  }

  /** The amount that may be spent now; negative while overdrawn. */
  available(nowMs: number): number {
    const filled = this.#balance + ((nowMs - this.#filledAt) / 1000) * this.#perSecond
    this.#balance = Math.min(this.#perSecond, filled)
    this.#filledAt = nowMs
    return this.#balance
  }

  /** Milliseconds until `amount`, or as much as the bucket can hold, is available; 0 for now. */
  untilMs(amount: number, nowMs: number): number {
    const missing = Math.min(amount, this.#perSecond) - this.available(nowMs)
    return missing <= 0 ? 0 : Math.max(1, Math.ceil((missing / this.#perSecond) * 1000))
  }

  /** A negative amount is returned to the bucket. */
  spend(amount: number, nowMs: number): void {
    this.#balance = this.available(nowMs) - amount
  }
}
