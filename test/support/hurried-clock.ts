import type { Clock } from '../../src/clock.ts'

/** A clock on which every wait is over at the next turn of the event loop, having taken its time. */
export function hurriedClock(): Clock {
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
