/**
 * How long to wait before the next attempt: twice as long each time up to a bound, and scattered
 * over the upper half, so that a site full of connectors does not come back all at once.
 */
const FIRST_DELAY_MS = 1000
const MAX_DELAY_MS = 60_000

/** `attempt` counts from 0; `random` is in [0, 1). From half a second to one minute. */
export function reconnectDelayMs(attempt: number, random: number): number {
  const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 16))
  return ceiling / 2 + (ceiling / 2) * random
}
