/** When schedules make a dataset run. All times are milliseconds since 1970. */
import type { Schedule } from '../resources/schedule.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** How far back the latest time is looked for, in steps, because some schedules fire each minute. */
const LOOKS_BACK = [2 * MINUTE_MS, HOUR_MS, DAY_MS, 32 * DAY_MS, 367 * DAY_MS]

export interface Span {
  /** Not included. */
  readonly after: number
  /** Included. */
  readonly until: number
  /** When the schedules began to count. */
  readonly since: number
}

/** The latest time in the span; undefined if there is none. */
export function latestFire(schedules: readonly Schedule[], span: Span): number | undefined {
  const times = schedules.flatMap((schedule) => latestOf(schedule, span) ?? [])
  return times.length === 0 ? undefined : Math.max(...times)
}

/** The next time after `after`. */
export function nextFire(
  schedules: readonly Schedule[],
  after: number,
  since: number,
): number | undefined {
  const times = schedules.flatMap((schedule) => schedule.next(after, since) ?? [])
  return times.length === 0 ? undefined : Math.min(...times)
}

function latestOf(schedule: Schedule, { after, until, since }: Span): number | undefined {
  const isWithin = (time: number | undefined) => time !== undefined && time <= until
  if (!isWithin(schedule.next(after, since))) return undefined
  const from = LOOKS_BACK.map((back) => Math.max(after, until - back)).find((start) =>
    isWithin(schedule.next(start, since)),
  )
  let latest: number | undefined
  for (let time = schedule.next(from ?? after, since); time !== undefined && time <= until; ) {
    latest = time
    time = schedule.next(time, since)
  }
  return latest
}
