import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CursorPosition } from '../../../../src/channels/cursors/cursor-position.ts'

test('the position stops at the first offset that is not settled', () => {
  const position = new CursorPosition(0)
  position.take(0, 4)

  position.deliver(0, 1)
  position.reject(2, 4)
  position.advance(10)
  const before = position.position
  position.deliver(1, 2)
  position.advance(10)

  assert.deepEqual([before, position.position], [1, 4])
  assert.deepEqual([position.delivered, position.rejected, position.inFlight], [2, 2, 0])
})

test('released offsets are free again, in their place', () => {
  const position = new CursorPosition(0)
  position.take(0, 3)
  position.deliver(1, 2)

  position.release(0, 1)
  position.release(2, 3)

  assert.deepEqual([position.oldestFree, position.freeFrom(1)], [0, 2])
  assert.equal(position.waiting(3), 2)
})

test('the position does not pass a drop before its commit', () => {
  const position = new CursorPosition(0)

  position.dropFree(0, 2, 'QueueFull', 0)
  position.advance(0)
  const before = position.position
  position.advance(2)

  assert.deepEqual([before, position.position], [0, 2])
  assert.deepEqual(position.dropped, { QueueFull: 2 })
})

test('a failed commit undoes the drops of its messages and moves the later ones down', () => {
  const position = new CursorPosition(0)
  position.dropFree(1, 2, 'QueueFull', 0)
  position.dropFree(4, 6, 'MemoryFull', 0)

  position.collapse(0, 3)

  assert.deepEqual(position.dropped, { MemoryFull: 2 })
  assert.deepEqual(
    [0, 1, 2, 3].map((offset) => position.isSettled(offset)),
    [false, true, true, false],
  )
  assert.equal(position.unsettled(4), 2)
})

test('a drop that a failed commit cuts in two keeps its later part', () => {
  const position = new CursorPosition(0)
  position.dropFree(0, 5, 'QueueFull', 0)

  position.collapse(0, 3)

  assert.deepEqual(position.dropped, { QueueFull: 2 })
  assert.equal(position.unsettled(2), 0)
})

test('a state names neither drops before their commit nor drops that are not reported', () => {
  const position = new CursorPosition(0)
  position.dropFree(0, 2, 'QueueFull', 4)
  position.dropFree(4, 6, 'QueueFull', 4)
  position.advance(4)

  const state = position.state(4, [{ from: 0, to: 1, code: 'QueueFull' }])

  assert.equal(state.position, 0)
  assert.deepEqual(state.settled, [{ from: 1, to: 2 }])
  assert.deepEqual(state.dropped, { QueueFull: 1 })
})

test('messages that are gone from the beginning of the log count as damaged, not as delivered', () => {
  const state = {
    position: 2,
    settled: [{ from: 3, to: 4 }],
    delivered: 3,
    rejected: 0,
    dropped: {},
  }

  const position = CursorPosition.restored(state, 6, 10)

  assert.equal(position.position, 6)
  assert.deepEqual([position.delivered, position.dropped], [3, { DataDamaged: 3 }])
  assert.equal(position.unsettled(10), 4)
})
