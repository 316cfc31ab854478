import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttemptTrail } from '../../../src/delivery/batches/attempt-trail.ts'
import type { BatchOutcome } from '../../../src/destinations/destination.ts'

const MESSAGE = {
  receivedAt: 0,
  topic: 't',
  senderId: undefined,
  messageId: 'm',
  payload: Buffer.alloc(0),
  reply: undefined,
}

test('the trail has each attempt with a message, and forgets the oldest batches', () => {
  const trail = new AttemptTrail({ maxEntries: 3, maxBytes: 1_000_000 })
  const batch = (offsets: number[], end: BatchOutcome | { error: string; message: string }) => ({
    channel: 'c',
    at: offsets[0] ?? 0,
    durationMs: 5,
    messages: offsets.map((offset) => ({ ...MESSAGE, offset })),
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

test('the trail has a bound on its bytes, however much a destination says', () => {
  const trail = new AttemptTrail({ maxEntries: 1_000, maxBytes: 100_000 })
  const noted = (offset: number, characters: number) =>
    trail.note({
      channel: 'c',
      at: offset,
      durationMs: 1,
      messages: [{ ...MESSAGE, offset }],
      end: { error: 'No', message: 'x'.repeat(characters) },
    })
  for (let offset = 0; offset < 2_000; offset++) noted(offset, offset % 2 === 0 ? 1_000 : 10)
  const kept = Array.from({ length: 2_000 }, (_, offset) => trail.of('c', offset).length)

  assert.ok(trail.bytes <= 100_000, `${trail.bytes}`)
  const first = kept.indexOf(1)
  assert.ok(first > 1_800, `from ${first} on`)
  assert.ok(kept.slice(first).every((count) => count === 1))

  noted(2_000, 1_000_000)
  assert.equal(trail.of('c', 1_999).length, 0)
  assert.equal(trail.of('c', 2_000).length, 1)
})
