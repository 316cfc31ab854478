/**
 * Means over the last seconds, from counters that only grow. A sample is taken when somebody asks,
 * at most once a second, and by `sample`, which is to be called every 10 s: so the first question
 * has an answer at once, and without questions it costs next to nothing.
 */
import type { Clock } from '../../clock.ts'

export interface MeanWatchOptions<Counts> {
  readonly clock: Clock
  readonly take: () => Counts
  /** Between two samples that are kept because of a question. */
  readonly minIntervalMs?: number
}

/** Two samples, and the time between them. */
export interface Means<Counts> {
  readonly before: Counts
  readonly now: Counts
  readonly seconds: number
}

interface Sample<Counts> {
  readonly at: number
  readonly counts: Counts
}

/** A second is 10 ms short now and then, because timers fire late. */
const SPAN_MS = 9_500
const MIN_INTERVAL_MS = 900
/** A mean over less time would show single messages as a high rate. */
const SHORTEST_S = 1

export class MeanWatch<Counts> {
  readonly #options: MeanWatchOptions<Counts>
  /** The first one is the newest that is old enough; see `SPAN_MS`. */
  #samples: Sample<Counts>[] = []

  constructor(options: MeanWatchOptions<Counts>) {
    this.#options = options
  }

  /** Notes a sample. Returns the counts. */
  sample(): Counts {
    const { clock, take } = this.#options
    const sample = { at: clock.monotonic(), counts: take() }
    this.#keep(sample)
    return sample.counts
  }

  means(): Means<Counts> {
    const { clock, take, minIntervalMs = MIN_INTERVAL_MS } = this.#options
    const now = { at: clock.monotonic(), counts: take() }
    const last = this.#samples.at(-1)
    if (last === undefined || now.at - last.at >= minIntervalMs) this.#keep(now)
    const before = this.#samples[0] ?? now
    const seconds = Math.max(SHORTEST_S, (now.at - before.at) / 1000)
    return { before: before.counts, now: now.counts, seconds }
  }

  #keep(sample: Sample<Counts>): void {
    this.#samples.push(sample)
    const first = this.#samples.findLastIndex(({ at }) => sample.at - at >= SPAN_MS)
    if (first > 0) this.#samples = this.#samples.slice(first)
  }
}

/** Per second, with three decimals. Counters that began again count from 0. */
export function rateOf(before: number, now: number, seconds: number): number {
  const more = now >= before ? now - before : now
  return Math.round((more / seconds) * 1000) / 1000
}
