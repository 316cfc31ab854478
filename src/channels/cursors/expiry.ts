/**
 * When a channel's messages are too old to be sent (`maxAge`). Age goes by this machine's clock, at
 * the time a message came and now: a box that starts without the right time and sets its clock
 * later ages what it received before.
 */
import type { Clock } from '../../clock.ts'
import type { Refusal } from '../../message.ts'

export interface ExpiryOptions {
  readonly channel: string
  readonly maxAgeMs: number
  readonly clock: Clock
}

export class Expiry {
  /** What the sender of an expired message is told. */
  readonly refusal: Refusal
  readonly #maxAgeMs: number
  readonly #clock: Clock

  constructor({ channel, maxAgeMs, clock }: ExpiryOptions) {
    this.#maxAgeMs = maxAgeMs
    this.#clock = clock
    this.refusal = {
      error: 'MessageExpired',
      message: `The message waited longer in channel ${channel} than the ${maxAgeMs / 1000} s its maxAge allows. Raise maxAge, or mend the destination.`,
    }
  }

  /** Messages received before have expired; milliseconds since 1970. */
  get deadline(): number {
    return this.#clock.now() - this.#maxAgeMs
  }
}
