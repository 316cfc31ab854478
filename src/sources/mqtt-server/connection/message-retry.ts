/**
 * One message that can't be stored now, of a client whose protocol has no acknowledgement that
 * refuses it. The message is offered again after growing pauses. After 10 s the client is
 * disconnected: it still has the message and sends it again.
 *
 *     refused ── 20 ms ── refused ── 40 ms ── refused ── … at most 1 s ── … 10 s: disconnected
 */
import type { Clock, Timer } from '../../../clock.ts'
import type { Refusal } from '../../../message.ts'

/** How long a message is offered before its client is disconnected. */
export const MAX_RETRY_MS = 10_000
/** Short, because DROP_OLDEST makes room within one commit. */
const FIRST_PAUSE_MS = 20
const MAX_PAUSE_MS = 1_000

export interface MessageRetryOptions {
  readonly clock: Clock
  /** Offers the message again: immediately, or as soon as that is possible. */
  readonly offerAgain: () => void
  readonly giveUp: (refusal: Refusal) => void
}

export class MessageRetry {
  readonly #options: MessageRetryOptions
  readonly #startedAtMs: number
  #pauseMs = FIRST_PAUSE_MS
  #timer: Timer | undefined

  constructor(options: MessageRetryOptions) {
    this.#options = options
    this.#startedAtMs = options.clock.monotonic()
  }

  /** The message must not be offered before `offerAgain` is called. */
  get isPausing(): boolean {
    return this.#timer !== undefined
  }

  /** The message was offered and refused. */
  refused(refusal: Refusal): void {
    const { clock, giveUp } = this.#options
    const leftMs = this.#startedAtMs + MAX_RETRY_MS - clock.monotonic()
    if (leftMs <= 0) {
      giveUp(refusal)
      return
    }
    this.#timer = clock.after(Math.min(this.#pauseMs, leftMs), () => this.#offerAgain())
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS)
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #offerAgain(): void {
    this.#timer = undefined
    this.#options.offerAgain()
  }
}
