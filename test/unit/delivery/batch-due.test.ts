import assert from 'node:assert/strict'
import { test } from 'node:test'
import { untilBatchDueMs } from '../../../src/delivery/batches/batch-due.ts'

const RULE = { maxMessages: 5, maxBytes: 1000, intervalMs: 2000 }

test('a batch is due if enough messages wait, enough bytes, or the oldest for long enough', () => {
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
