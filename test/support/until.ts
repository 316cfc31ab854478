/** Waits for a condition that no event reports. */
import { setTimeout as delay } from 'node:timers/promises'

const DEFAULT_PATIENCE_MS = 30_000
const POLL_MS = 5

/**
 * Resolves as soon as the condition holds.
 * @param what completes "waited until …" in the error
 * @throws when it does not hold within `patienceMs`
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patienceMs = DEFAULT_PATIENCE_MS,
): Promise<void> {
  const givesUpAt = performance.now() + patienceMs
  while (!(await condition())) {
    if (performance.now() > givesUpAt) {
      throw new Error(`waited ${patienceMs} ms until ${what}, without success`)
    }
    await delay(POLL_MS)
  }
}
