import assert from 'node:assert/strict'
import { test } from 'node:test'
import { untilBatchDueMs } from '../../../src/delivery/batch-due.ts'
import { failureReceipt, successReceipt } from '../../../src/delivery/receipt-format.ts'
import { RetrySchedule } from '../../../src/delivery/retry-schedule.ts'

const RULE = { maxMessages: 5, maxBytes: 1000, intervalMs: 2000 }

test('a batch is due when so many messages wait, so many bytes, or the oldest so long', () => {
  const now = 100_000

  assert.equal(untilBatchDueMs({ count: 0, bytes: 0, oldestAt: undefined }, RULE, now), undefined)
  assert.equal(untilBatchDueMs({ count: 5, bytes: 5, oldestAt: now }, RULE, now), 0)
  assert.equal(untilBatchDueMs({ count: 1, bytes: 1000, oldestAt: now }, RULE, now), 0)
  assert.equal(untilBatchDueMs({ count: 1, bytes: 1, oldestAt: now - 500 }, RULE, now), 1500)
  assert.equal(untilBatchDueMs({ count: 1, bytes: 1, oldestAt: now - 2000 }, RULE, now), 0)
  assert.equal(untilBatchDueMs({ count: 1, bytes: 1, oldestAt: now - 9000 }, RULE, now), 0)
})

test('an unknown age makes a message due, and a clock set back delays it by one interval at most', () => {
  const now = 100_000

  assert.equal(untilBatchDueMs({ count: 1, bytes: 1, oldestAt: undefined }, RULE, now), 0)
  assert.equal(untilBatchDueMs({ count: 1, bytes: 1, oldestAt: now + 3_600_000 }, RULE, now), 2000)
})

test('PublishInterval 0 makes every message due at once', () => {
  const rule = { ...RULE, intervalMs: 0 }

  assert.equal(untilBatchDueMs({ count: 1, bytes: 1, oldestAt: 7 }, rule, 7), 0)
})

test('retries spread over a bound that doubles from the publish interval up to five minutes', () => {
  const highest = new RetrySchedule({ firstMs: 1000, random: () => 1 })
  const lowest = new RetrySchedule({ firstMs: 1000, random: () => 0 })

  const bounds = Array.from({ length: 11 }, () => highest.nextDelayMs())
  const floors = Array.from({ length: 11 }, () => lowest.nextDelayMs())

  assert.deepEqual(bounds.slice(0, 4), [1000, 2000, 4000, 8000])
  assert.deepEqual(bounds.slice(8), [256_000, 300_000, 300_000])
  assert.deepEqual(new Set(floors), new Set([100]))
})

test('the first success puts the schedule back to its start', () => {
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

test('receipts have exactly the specification’s shape', () => {
  assert.deepEqual(JSON.parse(successReceipt('req123')), {
    response: { status: 'success' },
    id: 'req123',
  })
  const refusal = {
    error: 'ResourceNotFoundException',
    message: 'A resource with the specified name could not be found.',
  }
  assert.deepEqual(JSON.parse(failureReceipt('req123', refusal)), {
    response: {
      status: 'fail',
      error: 'ResourceNotFoundException',
      error_message: 'A resource with the specified name could not be found.',
    },
    id: 'req123',
  })
})

test('a receipt without an id has no such member, and any id comes back as it was given', () => {
  assert.equal(successReceipt(undefined), '{"response":{"status":"success"}}')
  for (const id of ['', '"\\', '\u0000\u2028', 'ü😀', 'x'.repeat(10_240)]) {
    assert.equal(JSON.parse(successReceipt(id)).id, id)
  }
})
