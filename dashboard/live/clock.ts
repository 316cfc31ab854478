/** The connector's time, once a second. Ages and countdowns go on while there is no answer. */
import { signal } from '@preact/signals'

/** From this on, a notice says that the two clocks differ. */
const NOTICED_SKEW_MS = 5_000

/** Milliseconds since 1970, by the connector's clock. */
export const now = signal(Date.now())
/** How far the connector's clock is ahead of this machine's; 0 while it is hardly different. */
export const skewMs = signal(0)

/** Call once. */
export function startClock(): void {
  const tick = (): void => {
    now.value = Date.now() + skewMs.peek()
  }
  setInterval(tick, 1000)
  document.addEventListener('visibilitychange', tick)
}

/** With the time of an event that has just arrived. */
export function compareClocks(serverTime: string): void {
  const difference = Date.parse(serverTime) - Date.now()
  if (Number.isNaN(difference)) return
  // The way takes some time, and a value that changes each second would redraw everything.
  const isNoticed = Math.abs(difference) > NOTICED_SKEW_MS
  const known = skewMs.peek()
  if (!isNoticed) skewMs.value = 0
  else if (Math.abs(known - difference) > 1_000) skewMs.value = difference
  now.value = Date.now() + skewMs.peek()
}
