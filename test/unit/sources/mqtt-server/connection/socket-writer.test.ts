/** Bytes to one client: one write a turn, in order, and none while they are held. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  FlushQueue,
  SocketWriter,
} from '../../../../../src/sources/mqtt-server/connection/socket-writer.ts'
import { LoopTurns } from '../../../../../src/sources/mqtt-server/limits/loop-turns.ts'
import { SharedBound } from '../../../../../src/sources/mqtt-server/limits/shared-bound.ts'
import { WORK_OF_ALL_A_TURN } from '../../../../../src/sources/mqtt-server/limits/work.ts'
import { MemorySocket } from '../../../../support/mqtt/memory-socket.ts'

const MAX_BYTES = 10_000

function open(bound = new SharedBound(1_000_000, 1)) {
  const socket = new MemorySocket()
  const takeWrites = () => socket.takeWrites().map((bytes) => bytes.toString())
  let drained = 0
  const onDrained = (): void => {
    drained++
  }
  const turns = new LoopTurns()
  const queue = new FlushQueue(turns)
  const writer = new SocketWriter({ socket, queue, bound, maxBytes: MAX_BYTES, onDrained })
  return { socket, takeWrites, writer, bound, turns, drained: () => drained }
}

test('all bytes of a turn leave in one write', async () => {
  const { writer, takeWrites } = open()

  writer.add(Buffer.from('a'))
  writer.add(Buffer.from('b'))
  const waiting = writer.waitingBytes
  await nextTurn()
  writer.add(Buffer.from('c'))
  await nextTurn()

  assert.equal(waiting, 2)
  assert.deepEqual(takeWrites(), ['ab', 'c'])
  assert.equal(writer.waitingBytes, 0)
})

test('bytes that the client has not read count as waiting', async () => {
  const { socket, writer } = open()
  socket.isClientReading = false

  writer.add(Buffer.from('abc'))
  await nextTurn()
  const unread = writer.waitingBytes
  socket.readAgain()

  assert.equal(unread, 3)
  assert.equal(writer.waitingBytes, 0)
})

test('held bytes leave when they are released, and the end after them', async () => {
  const { socket, writer, takeWrites } = open()
  let release = (): void => undefined
  writer.hold((call) => {
    release = call
  })
  writer.add(Buffer.from('a'))
  writer.end()
  await nextTurn()
  const meanwhile = [takeWrites(), socket.writableEnded]

  release()

  assert.deepEqual(meanwhile, [[], false])
  assert.deepEqual(takeWrites(), ['a'])
  assert.equal(socket.writableEnded, true)
})

test('the end sends all bytes first, without waiting for the turn', () => {
  const { socket, writer, takeWrites } = open()
  writer.add(Buffer.from('a'))

  writer.end()

  assert.deepEqual(takeWrites(), ['a'])
  assert.equal(socket.writableEnded, true)
})

test('bytes behind unread ones are joined: they take about as much memory as they are', async () => {
  const { socket, writer, bound } = open()
  socket.isClientReading = false
  writer.add(Buffer.from('first'))
  await nextTurn()
  const before = bound.used

  for (let i = 0; i < 2_000; i++) {
    writer.add(Buffer.from([i & 0xff, 0, 0, 0, 0]))
    if (i % 10 === 0) await nextTurn()
  }
  await nextTurn()
  const waiting = bound.used - before
  socket.readAgain()
  await nextTurn()

  assert.ok(waiting >= 10_000 && waiting < 20_000, `${waiting} bytes`)
  assert.equal(Buffer.concat(socket.takeWrites()).length, 10_005)
  assert.equal(bound.used, 0)
})

test('a client is congested above its own bound until all has left, however small the bound', async () => {
  const { socket, writer, drained } = open()
  socket.isClientReading = false
  writer.add(Buffer.alloc(MAX_BYTES))
  const atBound = writer.isCongested
  writer.add(Buffer.alloc(1))
  const above = writer.isCongested
  await nextTurn()
  const before = drained()

  socket.readAgain()
  await nextTurn()

  assert.deepEqual([atBound, above, before], [false, true, 0])
  assert.equal(drained(), 1)
  assert.equal(writer.isCongested, false)
})

test('much at once leaves in pieces, so that a slow reader shows that it reads', async () => {
  const { socket, writer } = open()
  socket.isClientReading = false
  writer.add(Buffer.alloc(300_000))
  await nextTurn()
  const { progress, isBlocked } = writer

  socket.readOnce()
  await nextTurn()

  assert.deepEqual([isBlocked, writer.isBlocked], [true, true])
  assert.notEqual(writer.progress, progress)
  assert.ok(writer.waitingBytes < 300_000 && writer.waitingBytes > 100_000)
})

test('when a turn is spent, much that waits leaves in a later one, and a little at its end', async () => {
  for (const [bytes, isLate] of [
    [100_000, true],
    [100, false],
  ] as const) {
    const { writer, takeWrites, turns } = open()
    turns.spend(WORK_OF_ALL_A_TURN)

    writer.add(Buffer.alloc(bytes))
    await new Promise<void>((done) => process.nextTick(done))
    const early = takeWrites().length
    await nextTurn()

    assert.equal(early === 0, isLate, `${bytes} bytes`)
    assert.equal(writer.waitingBytes, 0)
  }
})

test('writing is work: after much of it the turn is spent, and the rest leaves in the next ones', async () => {
  const { writer, turns } = open()

  writer.add(Buffer.alloc(100_000))
  const isSpentEarly = turns.isSpent
  for (let count = 0; count < 50; count++) writer.add(Buffer.alloc(100_000))
  const { isSpent } = turns

  assert.equal(isSpentEarly, false)
  assert.equal(isSpent, true)
  assert.ok(writer.waitingBytes > 0)
  await nextTurn()
  await nextTurn()
  assert.equal(writer.waitingBytes, 0)
})

test('much that waited for a client that reads again leaves when the turn has work left', async () => {
  const { socket, writer, turns } = open()
  socket.isClientReading = false
  writer.add(Buffer.alloc(100_000))
  writer.add(Buffer.alloc(100_000))
  await nextTurn()
  turns.spend(WORK_OF_ALL_A_TURN)

  socket.readAgain()
  await new Promise<void>((done) => process.nextTick(done))
  const early = writer.waitingBytes
  for (let turn = 0; turn < 5; turn++) await nextTurn()

  assert.ok(early >= 100_000, `${early} bytes wait`)
  assert.equal(writer.waitingBytes, 0)
})
