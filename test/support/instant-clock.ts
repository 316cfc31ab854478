import type { Clock } from '../../src/clock.ts'

/**
 * A clock on which each wait ends at the next turn of the event loop, and moves time by its length.
 */
export function instantClock(): Clock {
  let now = 1_700_000_000_000
  return {
    now: () => now,
    monotonic: () => now,
    after(delayMs, call) {
      const immediate = setImmediate(() => {
        now += delayMs
        call()
      })
      return { cancel: () => clearImmediate(immediate) }
    },
  }
}
