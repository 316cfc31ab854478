/** A clock that moves by hand. Timers due at the same moment are called in the order they were set. */
import type { Clock, Timer } from '../../src/clock.ts'

interface Due {
  readonly at: number
  readonly call: () => void
}

export class ManualClock implements Clock {
  #elapsedMs = 0
  readonly #startMs: number
  #timers: Due[] = []

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs
  }

  /** Timers set and neither called nor cancelled. */
  get pending(): number {
    return this.#timers.length
  }

  now(): number {
    return this.#startMs + this.#elapsedMs
  }

  monotonic(): number {
    return this.#elapsedMs
  }

  after(delayMs: number, call: () => void): Timer {
    const timer = { at: this.#elapsedMs + delayMs, call }
    this.#timers.push(timer)
    return { cancel: () => this.#forget(timer) }
  }

  advance(ms: number): void {
    const until = this.#elapsedMs + ms
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#forget(next)
      this.#elapsedMs = next.at
      next.call()
    }
    this.#elapsedMs = until
  }

  #next(until: number): Due | undefined {
    let first: Due | undefined
    for (const timer of this.#timers) {
      if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer
    }
    return first
  }

  #forget(timer: Due): void {
    this.#timers = this.#timers.filter((other) => other !== timer)
  }
}
