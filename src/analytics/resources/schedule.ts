/**
 * When a dataset's content is made: the expressions of CloudWatch Events that IoT Analytics takes,
 * in UTC.
 *
 *     rate(5 minutes)
 *     cron(minutes hours day-of-month month day-of-week year)
 */
import { Cron } from 'croner'
import { messageOf } from '../../errors.ts'

const RATE = /^rate\(\s*(\d{1,6})\s+(minutes?|hours?|days?)\s*\)$/
const CRON = /^cron\(([^()]{1,200})\)$/
const CRON_FIELDS = 6
const MS_OF: Readonly<Record<string, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
}

export interface Schedule {
  /**
   * The first time after `after`, in milliseconds since 1970; undefined if there is none any more.
   * @param since when the schedule began to count, which a rate begins with
   */
  next(after: number, since: number): number | undefined
}

export class ScheduleError extends Error {
  override readonly name = 'ScheduleError'
}

/** @throws {ScheduleError} which says what was expected */
export function parseSchedule(expression: string): Schedule {
  const rate = RATE.exec(expression)
  if (rate !== null) return rateOf(expression, Number(rate[1]), rate[2] ?? '')
  const fields = CRON.exec(expression)?.[1]?.trim().split(/\s+/)
  if (fields === undefined) {
    throw new ScheduleError(
      `expected rate(5 minutes) or cron(0/15 * * * ? *), got ${JSON.stringify(expression)}`,
    )
  }
  return cronOf(expression, fields)
}

function rateOf(expression: string, count: number, unit: string): Schedule {
  const isPlural = unit.endsWith('s')
  if (count < 1 || isPlural !== count > 1) {
    throw new ScheduleError(
      `expected a rate such as rate(1 minute) or rate(5 minutes), got ${expression}`,
    )
  }
  const interval = count * (MS_OF[isPlural ? unit.slice(0, -1) : unit] ?? 0)
  return {
    next: (after, since) =>
      since + Math.max(1, Math.floor((after - since) / interval) + 1) * interval,
  }
}

function cronOf(expression: string, fields: readonly string[]): Schedule {
  if (fields.length !== CRON_FIELDS) {
    throw new ScheduleError(
      `expected 6 fields (minutes hours day-of-month month day-of-week year) in ${expression}, got ${fields.length}`,
    )
  }
  const [, , dayOfMonth, , dayOfWeek] = fields
  // The rule of CloudWatch Events: one of the two days must be left open.
  if (dayOfMonth !== '?' && dayOfWeek !== '?') {
    throw new ScheduleError(
      `expected ? as day-of-month or as day-of-week in ${expression}; both can’t be given`,
    )
  }
  try {
    const cron = new Cron(`0 ${fields.join(' ')}`, {
      timezone: 'UTC',
      mode: '7-part',
      alternativeWeekdays: true, // 1 is Sunday
      sloppyRanges: true, // 0/15
      paused: true,
    })
    return { next: (after) => cron.nextRun(new Date(after))?.getTime() }
  } catch (error) {
    throw new ScheduleError(`${expression} is no schedule: ${messageOf(error)}`)
  }
}
