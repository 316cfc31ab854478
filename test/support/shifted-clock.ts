import { type Clock, systemClock, type Timer } from '../../src/clock.ts'

/** The system's clock, which a test can move on. Waits that have begun are not shortened. */
export class ShiftedClock implements Clock {
  #byMs = 0

  now(): number {
    return systemClock.now() + this.#byMs
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#byMs
  }

  after(delayMs: number, call: () => void): Timer {
    return systemClock.after(delayMs, call)
  }

  shift(byMs: number): void {
    this.#byMs += byMs
  }
}
