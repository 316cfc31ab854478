import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RetrySchedule } from '../../../src/delivery/retry-schedule.ts'

test('retries spread over a bound that doubles from the publish interval up to five minutes', () => {
  const highest = new RetrySchedule({ firstMs: 1000, random: () => 1 })
  const lowest = new RetrySchedule({ firstMs: 1000, random: () => 0 })

  const bounds = Array.from({ length: 11 }, () => highest.nextDelayMs())
  const floors = Array.from({ length: 11 }, () => lowest.nextDelayMs())

  assert.deepEqual(bounds.slice(0, 4), [1000, 2000, 4000, 8000])
  assert.deepEqual(bounds.slice(8), [256_000, 300_000, 300_000])
  assert.deepEqual(new Set(floors), new Set([100]))
})

test('the first success resets the schedule', () => {
  const schedule = new RetrySchedule({ firstMs: 1000, random: () => 1 })
  schedule.nextDelayMs()
  schedule.nextDelayMs()

  schedule.succeeded()

  assert.equal(schedule.nextDelayMs(), 1000)
})

test('a schedule survives years of failures', () => {
  const schedule = new RetrySchedule({ firstMs: 0, random: () => 1 })
  for (let failure = 0; failure < 5000; failure++) schedule.nextDelayMs()

  assert.equal(schedule.nextDelayMs(), 300_000)
})
