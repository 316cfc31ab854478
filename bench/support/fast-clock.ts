/** A clock that runs faster than the machine's, so that a day takes minutes. */
import { type Clock, systemClock } from '../../src/clock.ts'

export function fastClock(factor: number): Clock {
  const startedAt = systemClock.now()
  const start = systemClock.monotonic()
  const passed = (): number => (systemClock.monotonic() - start) * factor
  return {
    now: () => startedAt + passed(),
    monotonic: passed,
    after: (delayMs, call) => systemClock.after(delayMs / factor, call),
  }
}
