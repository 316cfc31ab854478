/**
 * Counts durations by how long they were, without an object for each: parts count into one of these,
 * and report it a batch at a time.
 */

import type { CountedDurations } from '../observer.ts'

/** Upper bounds in seconds: from a message to its acknowledgement. */
export const ACKNOWLEDGEMENT_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
] as const

/** From a message to its acceptance by a destination, which may have been away for days. */
export const DELIVERY_SECONDS = [
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400,
] as const

export class DurationCounts implements CountedDurations {
  readonly bounds: readonly number[]
  readonly counts: Float64Array
  sumSeconds = 0
  total = 0
  /** Of the last duration. */
  #bucket = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  /** `times` durations of `seconds`. A negative one counts as 0: clocks are set back. */
  add(seconds: number, times = 1): void {
    const { bounds, counts } = this
    let bucket = this.#bucket
    // Durations of one batch are much alike: mostly this is the bucket of the one before.
    if (bucket > 0 && seconds <= (bounds[bucket - 1] ?? 0)) bucket = 0
    while (bucket < bounds.length && seconds > (bounds[bucket] ?? 0)) bucket++
    this.#bucket = bucket
    counts[bucket] = (counts[bucket] ?? 0) + times
    this.sumSeconds += Math.max(0, seconds) * times
    this.total += times
  }

  /** Adds the counts of `other`, which has the same bounds. */
  addAll(other: CountedDurations): void {
    const { counts } = this
    for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] ?? 0) + (other.counts[i] ?? 0)
    this.sumSeconds += other.sumSeconds
    this.total += other.total
  }

  clear(): void {
    this.counts.fill(0)
    this.sumSeconds = 0
    this.total = 0
  }
}
