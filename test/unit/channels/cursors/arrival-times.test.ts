import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ArrivalTimes } from '../../../../src/channels/cursors/arrival-times.ts'

test('the arrival of a message is that of the newest mark at or below it', () => {
  const arrivals = new ArrivalTimes()
  arrivals.note(3, 100)
  arrivals.note(7, 200)

  assert.deepEqual(
    [2, 3, 6, 7, 90].map((offset) => arrivals.at(offset)),
    [0, 100, 100, 200, 200],
  )
})

test('marks that only older messages need are forgotten', () => {
  const arrivals = new ArrivalTimes()
  arrivals.note(0, 100)
  arrivals.note(5, 200)

  arrivals.forgetBelow(5)

  assert.equal(arrivals.at(4), 0)
  assert.equal(arrivals.at(5), 200)
})

test('after a failed commit the messages staged later have their own arrival times', () => {
  const arrivals = new ArrivalTimes()
  arrivals.note(0, 100)
  arrivals.note(4, 200)
  arrivals.note(6, 300)

  arrivals.collapse(4, 6)

  assert.deepEqual(
    [0, 3, 4, 5].map((offset) => arrivals.at(offset)),
    [100, 100, 300, 300],
  )
})

test('many marks are thinned out; the answer is never later than the truth', () => {
  const arrivals = new ArrivalTimes()
  for (let offset = 0; offset < 1_000; offset += 1) arrivals.note(offset, offset * 10)

  for (let offset = 0; offset < 1_000; offset += 1) {
    assert.ok(arrivals.at(offset) <= offset * 10)
  }
  assert.equal(arrivals.at(999), 9_990)
})

test('the arrival of a message from before the start is known once it was read', () => {
  const arrivals = new ArrivalTimes()
  arrivals.note(9, 900)

  arrivals.noteFound(4, 400)
  arrivals.noteFound(6, 999)

  assert.deepEqual(
    [3, 4, 6, 9].map((offset) => arrivals.at(offset)),
    [0, 400, 400, 900],
  )
})
