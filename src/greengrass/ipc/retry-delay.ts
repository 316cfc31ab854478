/**
 * How long to wait before the next attempt to connect. The delay doubles each time up to a bound
 * and is spread over its upper half, so that the components of a device do not return all at once.
 */
const FIRST_DELAY_MS = 200
export const MAX_DELAY_MS = 5_000

/** `attempt` counts from 0; `random` is in [0, 1). From 0.1 to 5 seconds. */
export function retryDelayMs(attempt: number, random: number): number {
  const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 16))
  return ceiling / 2 + (ceiling / 2) * random
}
