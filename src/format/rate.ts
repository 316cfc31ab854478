/** Rates, per second. */
import { exactCount } from './count.ts'

/** With three digits: `0/s`, `0.25/s`, `12.5/s`, `1,204/s`, `12.3 k/s`, `1.2 M/s`. */
export function rateText(perSecond: number): string {
  return `${amountOf(perSecond)}/s`
}

function amountOf(perSecond: number): string {
  if (perSecond === 0) return '0'
  if (perSecond < 0.01) return '<0.01'
  if (perSecond < 100) return rounded(perSecond)
  if (perSecond < 9_999.5) return exactCount(Math.round(perSecond))
  if (perSecond < 999_500) return `${rounded(perSecond / 1e3)} k`
  return `${rounded(perSecond / 1e6)} M`
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(3)))
}
