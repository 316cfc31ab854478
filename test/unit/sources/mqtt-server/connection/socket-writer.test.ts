/** Bytes to one client: one write a turn, in order, and none while they are held. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  FlushQueue,
  SocketWriter,
} from '../../../../../src/sources/mqtt-server/connection/socket-writer.ts'
import { MemorySocket } from '../../../../support/mqtt/memory-socket.ts'

function open() {
  const socket = new MemorySocket()
  const takeWrites = () => socket.takeWrites().map((bytes) => bytes.toString())
  return { socket, takeWrites, writer: new SocketWriter(socket, new FlushQueue(), () => undefined) }
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
