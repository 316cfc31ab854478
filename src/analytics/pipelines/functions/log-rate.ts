/** Bounds the lines that functions log: a few in each second, and then how many were left out. */
import type { Clock } from '../../../clock.ts'

export interface LogRateOptions {
  readonly clock: Clock
  readonly write: (source: string, line: string) => void
}

const INTERVAL_MS = 1_000
const MAX_LINES = 20

interface Interval {
  lines: number
  leftOut: number
}

export class LogRate {
  readonly #options: LogRateOptions
  /** By source. There are as many as functions. */
  readonly #intervals = new Map<string, Interval>()

  constructor(options: LogRateOptions) {
    this.#options = options
  }

  log(source: string, line: string): void {
    const interval = this.#intervals.get(source) ?? this.#begin(source)
    interval.lines++
    if (interval.lines <= MAX_LINES) this.#options.write(source, line)
    else interval.leftOut++
  }

  #begin(source: string): Interval {
    const { clock, write } = this.#options
    const interval = { lines: 0, leftOut: 0 }
    this.#intervals.set(source, interval)
    clock.after(INTERVAL_MS, () => {
      this.#intervals.delete(source)
      const { leftOut } = interval
      if (leftOut > 0) write(source, `${leftOut} more lines within a second`)
    })
    return interval
  }
}
