/**
 * When the next commit cycle begins. A cycle costs the same for one message as for a hundred, most
 * of it in the kernel, so under a steady stream a cycle waits a little for more messages:
 *
 *     idle          a│=commit=                       at once
 *     steady        a b c d e│=commit=│ f g h i │=…  5 ms from start to start
 *     closed loop   a b c    │=commit=│a b c│=…      at once: all senders wait for their PUBACK,
 *                                                    so a wait brings no more messages
 *
 * Only a trial shows whether a stream is steady. In a steady stream messages come during the whole
 * wait; in a closed loop all of them come at its beginning, so they are older on average when it
 * ends. Such a wait was useless, and the more of them there are in a row, the more rarely waiting
 * is tried. Pure: time comes in as an argument.
 */

/** From the start of one cycle to the start of the next, while waiting pays … */
const STEADY_INTERVAL_MS = 5
/** … but no longer than this number of commits takes: on a fast medium there is little to save. */
const STEADY_INTERVAL_COMMITS = 20
/** A shorter wait is not worth a timer. */
const SHORTEST_WAIT_MS = 1
/** With this number of bytes, a commit does not wait for more. */
const WORTHWHILE_BYTES = 256 * 1024
/** If messages are older on average than this part of the wait, they came at its beginning. */
const OLD_SHARE = 0.7
/** After many useless waits, the number of cycles that begin at once before the next trial. */
const MOST_CYCLES_AT_ONCE = 128
/** How much the newest commit counts in the average. */
const NEWEST_SHARE = 1 / 8

export class CommitPace {
  /** The operator's minimum from one start to the next. */
  readonly #minIntervalMs: number
  #startedAt = Number.NEGATIVE_INFINITY
  #averageMs = 0
  /** How long the next cycle waits. */
  #waitingMs = 0
  /**
   * The number of cycles that begin at once after the next useless wait, and those that are left.
   */
  #penalty = 1
  #cyclesAtOnce = 0

  constructor(minIntervalMs: number) {
    this.#minIntervalMs = minIntervalMs
  }

  /** How long after a cycle starts sources may delay reading; 0: not at all. */
  get longestCollectingMs(): number {
    const interval = this.#steadyIntervalMs
    // Twice the interval, because a cycle may begin a little late and sources must still wait then.
    return interval < SHORTEST_WAIT_MS ? 0 : 2 * interval
  }

  get #steadyIntervalMs(): number {
    return Math.min(STEADY_INTERVAL_MS, this.#averageMs * STEADY_INTERVAL_COMMITS)
  }

  /** Milliseconds until the cycle should begin; 0: now. Asked once for each cycle. */
  waitMs(stagedBytes: number, nowMs: number): number {
    const minimum = this.#startedAt + this.#minIntervalMs - nowMs
    if (minimum > 0) return minimum
    if (stagedBytes >= WORTHWHILE_BYTES) return 0
    if (this.#cyclesAtOnce > 0) {
      this.#cyclesAtOnce -= 1
      return 0
    }
    const wait = this.#startedAt + this.#steadyIntervalMs - nowMs
    this.#waitingMs = wait >= SHORTEST_WAIT_MS ? wait : 0
    return this.#waitingMs
  }

  /** @param meanAgeMs how long ago the messages of the cycle came, on average */
  began(meanAgeMs: number, nowMs: number): void {
    this.#startedAt = nowMs
    const waitedMs = this.#waitingMs
    if (waitedMs === 0) return
    this.#waitingMs = 0
    if (meanAgeMs > waitedMs * OLD_SHARE) {
      this.#cyclesAtOnce = this.#penalty
      this.#penalty = Math.min(this.#penalty * 2, MOST_CYCLES_AT_ONCE)
    } else {
      this.#penalty = 1
    }
  }

  ended(nowMs: number): void {
    this.#averageMs += (nowMs - this.#startedAt - this.#averageMs) * NEWEST_SHARE
  }
}
