import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSchedule } from '../../../../src/analytics/resources/schedule.ts'

const SUNDAY = Date.parse('2026-11-29T10:20:30.500Z')

function nextRuns(expression: string, count: number, since = SUNDAY): string[] {
  const schedule = parseSchedule(expression)
  const runs: string[] = []
  let at: number | undefined = SUNDAY
  while (runs.length < count) {
    at = schedule.next(at, since)
    if (at === undefined) return runs
    runs.push(new Date(at).toISOString())
  }
  return runs
}

test('a rate counts from when the schedule began', () => {
  const since = Date.parse('2026-11-29T10:00:00Z')

  assert.deepEqual(nextRuns('rate(15 minutes)', 2, since), [
    '2026-11-29T10:30:00.000Z',
    '2026-11-29T10:45:00.000Z',
  ])
  assert.deepEqual(nextRuns('rate(1 day)', 1), ['2026-11-30T10:20:30.500Z'])
  assert.deepEqual(nextRuns('rate(1 hour)', 1, SUNDAY + 1000), ['2026-11-29T11:20:31.500Z'])
})

test('cron expressions have the fields and the days of CloudWatch Events', () => {
  assert.deepEqual(nextRuns('cron(0/15 * * * ? *)', 2), [
    '2026-11-29T10:30:00.000Z',
    '2026-11-29T10:45:00.000Z',
  ])
  assert.deepEqual(nextRuns('cron(0 18 ? * MON-FRI *)', 1), ['2026-11-30T18:00:00.000Z'])
  assert.deepEqual(nextRuns('cron(0 8 ? * 1 *)', 1), ['2026-12-06T08:00:00.000Z'], '1 is Sunday')
  assert.deepEqual(nextRuns('cron(0 8 1 * ? *)', 1), ['2026-12-01T08:00:00.000Z'])
  assert.deepEqual(nextRuns('cron(5 9 L * ? *)', 1), ['2026-11-30T09:05:00.000Z'])
  assert.deepEqual(nextRuns('cron(0 12 ? * 6#3 *)', 1), ['2026-12-18T12:00:00.000Z'])
  assert.deepEqual(nextRuns('cron(0 12 31 12 ? 2026)', 2), ['2026-12-31T12:00:00.000Z'])
})

test('a schedule that can’t be is refused with what was expected', () => {
  const refused = [
    ['', /expected rate\(5 minutes\) or cron/],
    ['rate(0 minutes)', /such as rate\(1 minute\)/],
    ['rate(1 minutes)', /such as rate\(1 minute\)/],
    ['rate(5 minute)', /such as rate\(1 minute\)/],
    ['rate(5 fortnights)', /expected rate/],
    ['cron(0 18 * * *)', /expected 6 fields .* got 5/],
    ['cron(0 18 * * MON *)', /expected \? as day-of-month or as day-of-week/],
    ['cron(61 * * * ? *)', /is no schedule/],
    ['cron(a b c d ? *)', /is no schedule/],
    [`cron(${'1,'.repeat(5000)} * * * ? *)`, /expected rate/],
  ] as const
  for (const [expression, message] of refused) {
    assert.throws(() => parseSchedule(expression), { name: 'ScheduleError', message }, expression)
  }
})
