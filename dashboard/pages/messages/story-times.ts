/** How long after the first step of a story a later one was. */
import { durationText } from '../../../src/format/duration.ts'

const MINUTE_S = 60

/** `+3 ms`, `+1.2 s`, `+2 h 10 min`. Clocks may be set back, so there is also `-41 ms`. */
export function sinceStart(start: string, at: string): string {
  const seconds = (Date.parse(at) - Date.parse(start)) / 1000
  const size = Math.abs(seconds)
  const sign = seconds < 0 ? '-' : '+'
  if (size === 0) return '+0 ms'
  if (size < 1 || size >= MINUTE_S) return `${sign}${durationText(size)}`
  return `${sign}${Math.floor(size * 10) / 10} s`
}
