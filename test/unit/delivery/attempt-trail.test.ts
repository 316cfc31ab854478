import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttemptTrail } from '../../../src/delivery/attempt-trail.ts'
import type { BatchOutcome } from '../../../src/destinations/destination.ts'

test('the trail has each attempt with a message, and forgets the oldest batches', () => {
  const trail = new AttemptTrail(3)
  const batch = (offsets: number[], end: BatchOutcome | { error: string; message: string }) => ({
    channel: 'c',
    at: offsets[0] ?? 0,
    durationMs: 5,
    messages: offsets.map((offset) => ({
      offset,
      receivedAt: 0,
      topic: 't',
      senderId: undefined,
      messageId: String(offset),
      payload: Buffer.alloc(0),
      reply: undefined,
    })),
    end,
  })
  const refusal = { error: 'TooBad', message: 'never' }
  const away = { error: 'DestinationUnavailable', message: 'away' }

  trail.note(batch([1, 2, 3], { rejected: [], kept: [] }))
  trail.note(batch([4, 6, 9], away))
  trail.note(batch([4, 6, 9], { rejected: [{ index: 1, refusal }], kept: [2] }))
  const results = (offset: number) => trail.of('c', offset).map((one) => one.result)

  assert.deepEqual(results(2), ['accepted'])
  assert.deepEqual(results(4), ['kept', 'accepted'])
  assert.deepEqual(results(5), [])
  assert.deepEqual(results(6), ['kept', 'rejected'])
  assert.deepEqual(trail.of('c', 6)[1]?.refusal, refusal)
  assert.deepEqual(results(9), ['kept', 'kept'])
  trail.note(batch([10], { rejected: [], kept: [] }))
  assert.deepEqual(results(2), [])
  assert.deepEqual(trail.of('other', 10), [])
})
