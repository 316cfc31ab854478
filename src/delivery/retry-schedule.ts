/**
 * How long to wait before a batch is sent again: an exponential delay with full jitter, from
 * `firstMs` up to five minutes. The first success resets it.
 */
import type { ConnectorError } from '../errors.ts'

const LONGEST_MS = 5 * 60_000
const SHORTEST_MS = 100

export class RetrySchedule {
  readonly #firstMs: number
  readonly #random: () => number
  #failures = 0

  /** @param options.firstMs upper bound of the first delay; at least 100 ms */
  constructor(options: { readonly firstMs: number; readonly random: () => number }) {
    this.#firstMs = Math.min(Math.max(options.firstMs, SHORTEST_MS), LONGEST_MS)
    this.#random = options.random
  }

  /**
   * Milliseconds to wait after one more failure: a random time up to a bound that doubles each
   * time, so that many gateways behind one outage do not come back at the same moment. Never less
   * than 100, so that a low random number does not flood a peer that is down.
   */
  nextDelayMs(): number {
    const bound = Math.min(this.#firstMs * 2 ** this.#failures, LONGEST_MS)
    this.#failures++
    return Math.max(SHORTEST_MS, Math.round(this.#random() * bound))
  }

  succeeded(): void {
    this.#failures = 0
  }
}

/** A channel that waits for its next attempt. Times are milliseconds since 1970. */
export interface RetryState {
  readonly channel: string
  readonly error: ConnectorError
  /** When the first attempt failed. */
  readonly since: number
  /** Failed attempts since then. */
  readonly attempts: number
  /** Undefined while an attempt is under way. */
  readonly nextAttemptAt: number | undefined
  readonly waiting: number
}

/** A failure that has not ended. */
export interface Trouble {
  readonly since: number
  readonly sinceMonotonic: number
  attempts: number
  /** When the delay is over, by the monotonic clock. */
  dueAt: number
}
