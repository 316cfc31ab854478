/** Where a command begins to read: `earliest`, `now`, an offset, a time, or how long ago. */
import { InvalidArgumentError } from 'commander'
import { parseTime, timeText } from '../iso-time.ts'
import { parseDuration } from '../units.ts'

/** JavaScript's dates reach this far in either direction. */
const MAX_TIME_MS = 8.64e15

/** As the HTTP API takes it in `from`: as given, with times in ISO 8601 and UTC. */
export function parseStartPoint(text: string, now: number = Date.now()): string {
  if (text === 'earliest' || text === 'now' || /^[0-9]{1,15}$/.test(text)) return text
  const time = parseTimeOrAge(text, now)
  if (time !== undefined) return time
  throw new InvalidArgumentError(
    'Expected earliest, now, an offset, a time such as 2026-01-31T12:00:00Z, or 15m for 15 minutes ago.',
  )
}

/** A time, or how long ago it was, in ISO 8601 and UTC; undefined if `text` is neither. */
export function parseTimeOrAge(text: string, now: number = Date.now()): string | undefined {
  const age = parseDuration(text)
  const time = age === undefined ? parseTime(text) : now - age
  return time === undefined || Math.abs(time) > MAX_TIME_MS ? undefined : timeText(time)
}
