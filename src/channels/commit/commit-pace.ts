/**
 * When the next commit cycle begins. A cycle costs the same for one message as for a hundred, most
 * of it in the kernel, so under a steady stream it waits a little for more to come along:
 *
 *     idle          a│=commit=                       at once
 *     steady        a b c d e│=commit=│ f g h i │=…  5 ms from start to start
 *     closed loop   a b c    │=commit=│a b c│=…      at once: all wait for their acknowledgement,
 *                                                    and waiting for them brings nothing
 *
 * Whether a stream is steady is tried out. In a steady stream messages come all through a wait; in a
 * closed loop all of them come at its beginning, so on average they are older when it ends. A wait that
 * ends so was for nothing, and the more often that happens, the more rarely it is tried. Pure: time
 * comes in as an argument.
 */

/** From the start of one cycle to the start of the next, when waiting pays … */
const STEADY_INTERVAL_MS = 5
/** … but no longer than this many commits take: those of a medium that costs nothing needn't be spared. */
const STEADY_INTERVAL_COMMITS = 20
/** A shorter wait is not worth a timer. */
const SHORTEST_WAIT_MS = 1
/** So many bytes are worth a commit of their own. */
const WORTHWHILE_BYTES = 256 * 1024
/** Messages that are older on average than this part of the wait came at its beginning. */
const OLD_SHARE = 0.7
/** After many waits for nothing, so many cycles begin at once before it is tried again. */
const MOST_CYCLES_AT_ONCE = 128
/** How much the newest commit counts in the average. */
const NEWEST_SHARE = 1 / 8

export class CommitPace {
  /** What the operator asked for: milliseconds from one start to the next at least. */
  readonly #minIntervalMs: number
  #startedAt = Number.NEGATIVE_INFINITY
  #averageMs = 0
  /** How long the cycle that comes next waits. */
  #waitingMs = 0
  /** Cycles that begin at once after the next wait for nothing, and those of them that are left. */
  #penalty = 1
  #cyclesAtOnce = 0

  constructor(minIntervalMs: number) {
    this.#minIntervalMs = minIntervalMs
  }

  /** From the start of a cycle: so long sources may leave unread what comes for the next; 0: not at all. */
  get longestCollectingMs(): number {
    const interval = this.#steadyIntervalMs
    // Twice, because a cycle may begin a little late, and is to find them still waiting.
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

  /** @param meanAgeMs how long ago the messages of the cycle came, on average. */
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
