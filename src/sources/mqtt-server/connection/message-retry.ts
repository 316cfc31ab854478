/**
 * One message that can't be stored now, of a client whose protocol has no acknowledgement that says
 * no. The message is offered again after pauses that grow. When that has lasted too long, the client
 * is disconnected: it still has the message and sends it again.
 *
 *     refused ── 20 ms ── refused ── 40 ms ── refused ── … at most 1 s ── … 10 s: disconnected
 */
import type { Clock, Timer } from '../../../clock.ts'
import type { Refusal } from '../../../message.ts'

/** A client waits so long at most before it is disconnected. */
export const MAX_RETRY_MS = 10_000
/** Short, because DROP_OLDEST makes room within one commit. */
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1_000

export interface MessageRetryOptions {
  readonly clock: Clock
  /** Is to offer the message once more; where that can't be done now, as soon as it can. */
  readonly offerAgain: () => void
  readonly giveUp: (refusal: Refusal) => void
}

export class MessageRetry {
  readonly #options: MessageRetryOptions
  readonly #sinceMs: number
  #pauseMs = FIRST_PAUSE_MS
  #timer: Timer | undefined

  constructor(options: MessageRetryOptions) {
    this.#options = options
    this.#sinceMs = options.clock.monotonic()
  }

  /** The message is not to be offered before `offerAgain` is called. */
  get isPausing(): boolean {
    return this.#timer !== undefined
  }

  /** The message was offered and refused. */
  refused(refusal: Refusal): void {
    const { clock, giveUp } = this.#options
    const leftMs = this.#sinceMs + MAX_RETRY_MS - clock.monotonic()
    if (leftMs <= 0) {
      giveUp(refusal)
      return
    }
    this.#timer = clock.after(Math.min(this.#pauseMs, leftMs), () => this.#offerAgain())
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS)
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
