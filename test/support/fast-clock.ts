import { type Clock, systemClock } from '../../src/clock.ts'

/** A clock whose durations pass `factor` times as fast. The time of day is the machine's. */
export function fastClock(factor: number): Clock {
  return {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic() * factor,
    after: (delayMs, call) => systemClock.after(delayMs / factor, call),
  }
}
