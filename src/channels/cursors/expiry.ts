/**
 * When a channel's messages are too old to be sent (`maxAge`). A message's age is the difference
 * between this machine's clock now and when the message came. If a machine starts with a wrong time
 * and sets its clock later, the messages it received before then are older, or younger, than they
 * really are.
 */
import type { Clock } from '../../clock.ts'
import type { Refusal } from '../../message.ts'

export interface ExpiryOptions {
  readonly channel: string
  readonly maxAgeMs: number
  readonly clock: Clock
}

export class Expiry {
  /** The receipt for the sender of an expired message. */
  readonly refusal: Refusal
  readonly #maxAgeMs: number
  readonly #clock: Clock

  constructor({ channel, maxAgeMs, clock }: ExpiryOptions) {
    this.#maxAgeMs = maxAgeMs
    this.#clock = clock
    this.refusal = {
      error: 'MessageExpired',
      message: `The message waited in channel ${channel} for longer than the ${maxAgeMs / 1000} s that its maxAge allows. Raise maxAge, or fix the destination.`,
    }
  }

  /** Messages received before this time have expired; milliseconds since 1970. */
  get deadline(): number {
    return this.#clock.now() - this.#maxAgeMs
  }
}
