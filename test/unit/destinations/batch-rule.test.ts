import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchRuleOf } from '../../../src/destinations/batch-rule.ts'

const LIMITS = {
  defaults: { messages: 500, bytes: 1_048_576, intervalMs: 1_000 },
  most: { messages: 500, bytes: 4_194_304 },
}

test('what is not set is the destination’s own default', () => {
  assert.deepEqual(batchRuleOf({ messages: 10 }, 'destinations[0].firehose', LIMITS), {
    maxMessages: 10,
    maxBytes: 1_048_576,
    intervalMs: 1_000,
    hasDistinctIds: false,
    isPlanned: false,
  })
})

test('a value that the protocol does not allow is refused with its place and the limit', () => {
  assert.throws(() => batchRuleOf({ messages: 501 }, 'destinations[1].firehose', LIMITS), {
    code: 'InvalidConfiguration',
    message:
      'destinations[1].batch.messages: expected at most 500, which is what a batch of firehose can hold, but it is 501',
  })
  assert.throws(() => batchRuleOf({ bytes: 8_388_608 }, 'destinations[1].firehose', LIMITS), {
    message:
      'destinations[1].batch.bytes: expected at most 4MiB, which is what a batch of firehose can hold, but it is 8MiB',
  })
})
