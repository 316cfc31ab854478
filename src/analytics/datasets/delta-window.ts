/**
 * Which rows belong to a run of a delta dataset: those with a time in
 *
 *     [the run before + offset, this run + offset)
 *
 * A window begins where the last complete one ended, so that a run which failed, or was never made,
 * leaves no gap.
 */
import type { Schedule } from '../resources/schedule.ts'
import { latestFire } from './run-times.ts'
import type { TimeWindow } from './versions/version-record.ts'

const DAY_MS = 86_400_000

export interface DeltaRun {
  /** Milliseconds since 1970. */
  readonly runAt: number
  readonly offsetMs: number
  /** Where the last complete window ended. */
  readonly coveredUntil: number | undefined
  readonly schedules: readonly Schedule[]
  /** When the schedules began to count. */
  readonly since: number
}

export function windowOf(run: DeltaRun): TimeWindow {
  const { runAt, offsetMs, coveredUntil, schedules, since } = run
  const until = runAt + offsetMs
  if (coveredUntil === undefined) return windowBetween(firstFrom(run), until)
  if (coveredUntil <= until + DAY_MS)
    return { from: coveredUntil, until: Math.max(coveredUntil, until) }
  // The clock was far ahead once. The time it showed must pass for windows to go on from there.
  return windowBetween(previousRun(schedules, runAt, since, offsetMs), until)
}

/** Without a schedule, the first run has everything. */
function firstFrom({ runAt, offsetMs, schedules, since }: DeltaRun): number | undefined {
  return previousRun(schedules, runAt, since, offsetMs)
}

function windowBetween(from: number | undefined, until: number): TimeWindow {
  return from === undefined ? { until } : { from, until }
}

/** When the run before would have been, plus the offset. */
function previousRun(
  schedules: readonly Schedule[],
  runAt: number,
  since: number,
  offsetMs: number,
): number | undefined {
  const times = schedules.flatMap((schedule) => timeBefore(schedule, runAt, since) ?? [])
  return times.length === 0 ? undefined : Math.max(...times) + offsetMs
}

function timeBefore(schedule: Schedule, runAt: number, since: number): number | undefined {
  const before = latestFire([schedule], {
    after: runAt - 5 * 366 * DAY_MS,
    until: runAt - 1,
    since,
  })
  if (before !== undefined) return before
  const next = schedule.next(runAt, since)
  return next === undefined ? undefined : runAt - (next - runAt)
}
