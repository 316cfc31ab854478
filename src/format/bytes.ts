/** Bytes with SI units, 1 kB = 1,000 B, everywhere. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** With three digits: `108 B`, `1.94 GB`, `512 MB`. */
export function bytesText(bytes: number): string {
  const step = stepOf(bytes)
  return `${amountIn(bytes, step)} ${UNITS[step]}`
}

/** Used of a bound, both in the unit of the bound: `1.94 of 4 GB`. */
export function usageText(bytes: number, maxBytes: number): string {
  const step = stepOf(maxBytes)
  const used = amountIn(bytes, step)
  // Little of much would be 0.
  if (used === '0' && bytes > 0) return `${bytesText(bytes)} of ${bytesText(maxBytes)}`
  return `${used} of ${bytesText(maxBytes)}`
}

/** The unit in which three rounded digits suffice. */
function stepOf(bytes: number): number {
  const step = UNITS.findIndex((_, index) => bytes < 999.5 * 1000 ** index)
  return step === -1 ? UNITS.length - 1 : step
}

function amountIn(bytes: number, step: number): string {
  const value = bytes / 1000 ** step
  const decimals = step === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return String(Number(value.toFixed(decimals)))
}
