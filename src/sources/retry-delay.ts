/**
 * How long to wait before the next attempt to connect or to subscribe. The delay doubles each time
 * up to a bound and is spread over its upper half, so that many connectors do not return all at
 * once.
 */
const FIRST_DELAY_MS = 1000
const MAX_DELAY_MS = 60_000

/** `attempt` counts from 0; `random` is in [0, 1). From half a second to one minute. */
export function retryDelayMs(attempt: number, random: number): number {
  const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 16))
  return ceiling / 2 + (ceiling / 2) * random
}
