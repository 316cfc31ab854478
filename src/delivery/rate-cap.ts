/** Limits the rate of sending to one destination, over all channels. */
import type { Clock } from '../clock.ts'
import { TokenBucket } from './token-bucket.ts'

export interface RateCapOptions {
  readonly maxMessagesPerSecond?: number | undefined
  readonly maxBytesPerSecond?: number | undefined
}

/** The size of a batch, expected or allowed. */
export interface BatchSize {
  readonly messages: number
  readonly bytes: number
}

export interface Reservation {
  /** What the batch may carry. */
  readonly limit: BatchSize
  /** What was reserved for it, until its size is known. */
  readonly expected: BatchSize
}

export class RateCap {
  readonly #clock: Clock
  readonly #messages: TokenBucket | undefined
  readonly #bytes: TokenBucket | undefined

  constructor({ maxMessagesPerSecond, maxBytesPerSecond }: RateCapOptions, clock: Clock) {
    const now = clock.monotonic()
    this.#clock = clock
    if (maxMessagesPerSecond !== undefined) {
      this.#messages = new TokenBucket(maxMessagesPerSecond, now)
    }
    if (maxBytesPerSecond !== undefined) this.#bytes = new TokenBucket(maxBytesPerSecond, now)
  }

  get isSet(): boolean {
    return this.#messages !== undefined || this.#bytes !== undefined
  }

  /**
   * Milliseconds until a batch of the expected size, or as large as the cap allows, may be sent.
   */
  untilMs(expected: BatchSize): number {
    const now = this.#clock.monotonic()
    const messages = this.#messages?.untilMs(expected.messages, now) ?? 0
    return Math.max(messages, this.#bytes?.untilMs(expected.bytes, now) ?? 0)
  }

  /**
   * Reserves the expected size of a batch; the batch may carry `most`, or as much as there is now.
   */
  reserve(expected: BatchSize, most: BatchSize): Reservation {
    const now = this.#clock.monotonic()
    const limit = {
      messages: atMost(most.messages, this.#messages?.available(now)),
      bytes: atMost(most.bytes, this.#bytes?.available(now)),
    }
    this.#spend(expected.messages, expected.bytes, now)
    return { limit, expected }
  }

  /** Corrects a reservation when the size of its batch is known. */
  correct({ expected }: Reservation, { messages, bytes }: BatchSize): void {
    const now = this.#clock.monotonic()
    this.#spend(messages - expected.messages, bytes - expected.bytes, now)
  }

  #spend(messages: number, bytes: number, now: number): void {
    this.#messages?.spend(messages, now)
    this.#bytes?.spend(bytes, now)
  }
}

/** At least one: otherwise an overdrawn bucket could stop sending indefinitely. */
function atMost(most: number, available: number | undefined): number {
  return available === undefined ? most : Math.max(1, Math.min(most, Math.floor(available)))
}
