/**
 * How long to wait before a batch is sent again: exponential with full jitter, from the publish
 * interval up to five minutes, back to the start at the first success.
 */

const LONGEST_MS = 5 * 60_000
const SHORTEST_MS = 100

export class RetrySchedule {
  readonly #firstMs: number
  readonly #random: () => number
  #failures = 0

  /** @param options.firstMs bound of the first delay; taken as at least 100 ms. */
  constructor(options: { readonly firstMs: number; readonly random: () => number }) {
    this.#firstMs = Math.min(Math.max(options.firstMs, SHORTEST_MS), LONGEST_MS)
    this.#random = options.random
  }

  /**
   * Milliseconds to wait after one more failure: anything up to a bound that doubles each time, so
   * that many gateways behind one outage don't come back at the same moment. Never less than 100,
   * or a dead peer would be hammered whenever the dice fall low.
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
