/** The packet ids of QoS 2 messages that were taken in: against a plain model, and their memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  ReceivedIds,
  STORED_BEFORE,
} from '../../../../../src/sources/mqtt-server/sessions/received-ids.ts'
import { NO_CYCLE } from '../../../../../src/sources/source.ts'

test('an id has the cycle of its message until that is reported, and is there until it is deleted', () => {
  const step = fc.record({
    id: fc.integer({ min: 1, max: 600 }),
    does: fc.constantFrom('add', 'add', 'add', 'delete', 'report', 'lose'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1_000, minLength: 300 }), (steps) => {
      const ids = new ReceivedIds()
      const model = new Map<number, number>()
      let finished = 0
      for (const { id, does } of steps) {
        if (does === 'add') {
          ids.add(id, finished + 1, finished)
          model.set(id, finished + 1)
        } else if (does === 'delete') {
          assert.equal(ids.delete(id), model.delete(id))
        } else if (does === 'report') {
          finished++
        } else {
          const lost = ids.idsOf(finished + 1)
          for (const one of lost) ids.delete(one)
          const expected = [...model].filter(([, cycle]) => cycle === finished + 1)
          assert.deepEqual(lost.toSorted(), expected.map(([one]) => one).toSorted())
          for (const [one] of expected) model.delete(one)
        }
        const cycle = ids.cycleOf(id)
        const expected = model.get(id)
        assert.ok(cycle === expected || (cycle === NO_CYCLE && (expected ?? 0) <= finished))
        assert.equal(ids.size, model.size)
      }
    }),
    { numRuns: 50 },
  )
})

test('an id that was stored before the start is known as such', () => {
  const ids = new ReceivedIds()
  ids.add(7, STORED_BEFORE, NO_CYCLE)
  const before = ids.cycleOf(7)
  ids.add(7, 3, 2)

  assert.equal(before, STORED_BEFORE)
  assert.equal(ids.cycleOf(7), 3)
  assert.equal(ids.size, 1)
})

test('all ids of a hundred clients take about a megabyte', () => {
  const clients = Array.from({ length: 100 }, () => new ReceivedIds())
  const before = process.memoryUsage()
  for (const ids of clients) {
    for (let id = 1; id <= 65_535; id++) ids.add(id, NO_CYCLE, NO_CYCLE)
  }
  const after = process.memoryUsage()

  assert.equal(clients[0]?.size, 65_535)
  const bits = after.arrayBuffers - before.arrayBuffers
  assert.ok(bits < 2_000_000, `${bits} bytes`)
})
