/** Counts of messages as people read them. Pure: the dashboard and the commands both use it. */

const MILLION = 1e6
/** From the largest. `G` would be read as bytes. */
const STEPS: readonly (readonly [size: number, unit: string])[] = [
  [1e12, 'T'],
  [1e9, 'bn'],
  [MILLION, 'M'],
]

/** Every digit, with thousands: `1,204,331`. */
export function exactCount(count: number): string {
  return String(Math.trunc(count)).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Exact up to a million, then with three digits: `204,331`, `9.4 M`, `12.3 M`. */
export function countText(count: number): string {
  const [size, unit] = STEPS.find(([step]) => count >= step) ?? [1, '']
  return unit === '' ? exactCount(count) : `${threeDigits(count / size)} ${unit}`
}

/** At most three digits, cut and not rounded: a count never shows more than there is. */
function threeDigits(value: number): string {
  const decimals = value < 10 ? 100 : value < 100 ? 10 : 1
  return String(Math.floor(value * decimals + 1e-9) / decimals)
}
