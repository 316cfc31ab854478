/** Rates, per second. */
import { exactCount } from './count.ts'

/** From the largest, as of counts. */
const STEPS: readonly (readonly [size: number, unit: string])[] = [
  [1e12, 'T'],
  [1e9, 'bn'],
  [1e6, 'M'],
]
/** From here on, three digits of the smaller unit would be a thousand of it. */
const ROUNDED_UP = 0.9995

/** With three digits: `0/s`, `0.25/s`, `12.5/s`, `1,204/s`, `12.3 k/s`, `1.2 M/s`. */
export function rateText(perSecond: number): string {
  return `${amountOf(perSecond)}/s`
}

function amountOf(perSecond: number): string {
  if (perSecond === 0) return '0'
  if (perSecond < 0.01) return '<0.01'
  if (perSecond < 100) return rounded(perSecond)
  if (perSecond < 9_999.5) return exactCount(Math.round(perSecond))
  const [size, unit] = STEPS.find(([step]) => perSecond >= step * ROUNDED_UP) ?? [1e3, 'k']
  return `${rounded(perSecond / size)} ${unit}`
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(3)))
}
