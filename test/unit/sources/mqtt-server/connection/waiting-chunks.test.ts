/** Long chunks that arrive in a turn whose work is done. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ReadState } from '../../../../../src/sources/mqtt-server/connection/read-state.ts'
import { WaitingChunks } from '../../../../../src/sources/mqtt-server/connection/waiting-chunks.ts'
import { LoopTurns } from '../../../../../src/sources/mqtt-server/limits/loop-turns.ts'
import { SharedBound } from '../../../../../src/sources/mqtt-server/limits/shared-bound.ts'
import { WORK_OF_ALL_A_TURN } from '../../../../../src/sources/mqtt-server/limits/work.ts'
import { MemorySocket } from '../../../../support/mqtt/memory-socket.ts'

const LONG = Buffer.alloc(10_000, 'x')
const MAX_BYTES = 1_000_000

function startConnection({ maxBytes = MAX_BYTES, workOfAChunk = 1 } = {}) {
  const readState = new ReadState(new MemorySocket())
  const turns = new LoopTurns()
  const bound = new SharedBound(maxBytes, 1)
  const handled: string[] = []
  const handle = (chunk: Buffer): void => {
    handled.push(chunk.toString('latin1', 0, 5))
    turns.spend(workOfAChunk)
  }
  const chunks = new WaitingChunks({ readState, turns, bound, handle })
  return { readState, turns, bound, handled, chunks }
}

test('a chunk is handled at once while the turn has work left, and a short one always', () => {
  const { chunks, turns } = startConnection()

  const early = chunks.offer(LONG)
  turns.spend(WORK_OF_ALL_A_TURN)
  const short = chunks.offer(Buffer.from('short'))

  assert.deepEqual([early, short], [false, false])
})

test('a long chunk waits for the next turn, and its socket is not read meanwhile', async () => {
  const { chunks, turns, readState, handled, bound } = startConnection()
  turns.spend(WORK_OF_ALL_A_TURN)

  const isWaiting = chunks.offer(LONG)
  const before = { isReading: readState.isReading, held: bound.used, handled: [...handled] }
  await nextTurn()

  assert.equal(isWaiting, true)
  assert.deepEqual(before, { isReading: false, held: LONG.length, handled: [] })
  assert.deepEqual(handled, ['xxxxx'])
  assert.equal(readState.isReading, true)
  assert.equal(bound.used, 0)
})

test('what arrives behind a chunk that waits does not overtake it, however short it is', async () => {
  const { chunks, turns, handled, readState } = startConnection({
    workOfAChunk: WORK_OF_ALL_A_TURN,
  })
  turns.spend(WORK_OF_ALL_A_TURN)
  chunks.offer(LONG)

  const isWaiting = chunks.offer(Buffer.from('short'))
  await nextTurn()
  const first = [...handled]
  const isReading = readState.isReading
  await nextTurn()

  assert.equal(isWaiting, true)
  assert.deepEqual(first, ['xxxxx'])
  assert.equal(isReading, false)
  assert.deepEqual(handled, ['xxxxx', 'short'])
  assert.equal(chunks.isEmpty, true)
})

test('chunks of all connections wait only as long as there is room, and are handled at once beyond', () => {
  const { chunks, turns, bound } = startConnection({ maxBytes: LONG.length })
  turns.spend(WORK_OF_ALL_A_TURN)

  assert.equal(chunks.offer(LONG), false)
  assert.equal(bound.used, 0)
})

test('cleared chunks are never handled and take no room', async () => {
  const { chunks, turns, handled, bound } = startConnection()
  turns.spend(WORK_OF_ALL_A_TURN)
  chunks.offer(LONG)

  chunks.clear()
  await nextTurn()

  assert.equal(bound.used, 0)
  assert.deepEqual(handled, [])
})
