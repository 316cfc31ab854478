/** Whether a socket is read: every reason to pause must be gone before it is read again. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import {
  PauseReason,
  ReadState,
} from '../../../../../src/sources/mqtt-server/connection/read-state.ts'

function open() {
  const socket = new PassThrough()
  socket.resume()
  return { socket, state: new ReadState(socket) }
}

test('a socket is read until there is a reason to pause it', () => {
  const { socket, state } = open()
  assert.equal(state.isReading, true)

  state.pause(PauseReason.turn)

  assert.equal(state.isReading, false)
  assert.equal(state.isPausedFor(PauseReason.turn), true)
  assert.equal(state.isPausedFor(PauseReason.locked), false)
  assert.equal(socket.isPaused(), true)
})

test('a socket is read again when the last of several reasons is gone, in any order', () => {
  const reasons = Object.values(PauseReason)
  for (const last of reasons) {
    const { socket, state } = open()
    for (const reason of reasons) state.pause(reason)

    for (const reason of reasons) {
      if (reason === last) continue
      state.resume(reason)
      assert.equal(socket.isPaused(), true)
    }
    state.resume(last)

    assert.equal(socket.isPaused(), false)
    assert.equal(state.isReading, true)
  }
})

test('a reason holds once, however often it is given', () => {
  const { socket, state } = open()
  state.pause(PauseReason.stalled)
  state.pause(PauseReason.stalled)

  state.resume(PauseReason.stalled)

  assert.equal(socket.isPaused(), false)
})

test('a reason that does not hold resumes nothing', () => {
  const { socket, state } = open()
  state.pause(PauseReason.deferred)

  state.resume(PauseReason.collecting)
  state.resume(PauseReason.turn)

  assert.equal(socket.isPaused(), true)
})

test('after the connection has ended the socket is drained, and no reason pauses it any more', () => {
  const { socket, state } = open()
  state.pause(PauseReason.stalled)
  state.pause(PauseReason.locked)

  state.discard()
  const afterDiscard = socket.isPaused()
  state.pause(PauseReason.deferred)

  assert.equal(afterDiscard, false)
  assert.equal(socket.isPaused(), false)
  assert.equal(state.isReading, false)
  assert.equal(state.isPausedFor(PauseReason.deferred), false)
})
