/**
 * Many clients, and clients that misbehave: storms of connections, half-open sockets, subscribers
 * that do not read. `LOAD_SCALE=10` makes ten times as many.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { DEFAULT_LIMITS } from '../../../../../src/sources/mqtt-server/limits/limits.ts'
import {
  connectPacket,
  frame,
  MqttWire,
  publishPacket,
  subscribePacket,
} from '../../../../support/mqtt/mqtt-wire.ts'
import { letIn, letInMany, ServerProcess } from '../../../../support/mqtt/server-process.ts'

const SCALE = Number(process.env['LOAD_SCALE'] ?? 1)
const MEBIBYTE = 1024 * 1024
const CHANNEL = 'iotanalytics/channels/c/messages/binary/put'

test('in a storm of connections every client is accepted while others are served', async (t) => {
  const server = await ServerProcess.start(t)
  const polite = await MqttWire.open(t, server.port)
  polite.send(connectPacket({ clientId: 'polite' }))
  await polite.next()

  const storm = letInMany(t, server, 500 * SCALE, 500 * SCALE)
  for (let id = 1; id <= 20; id++) {
    polite.send(publishPacket({ topic: CHANNEL, payload: 'still here', qos: 1, id }))
    assert.equal((await polite.next())?.readUInt16BE(2), id)
  }
  const clients = await storm

  assert.equal((await server.state()).connectionCount, 500 * SCALE + 1)
  for (const client of clients) client.resetAndDestroy()
  while ((await server.state()).connectionCount > 1) await setTimeout(20)
})

test('300 connections that never finish CONNECT are closed a few seconds after their time', async (t) => {
  const server = await ServerProcess.start(t)
  const polite = await letIn(server.port, 'polite')
  t.after(() => polite.destroy())
  const whole = connectPacket({ clientId: 'half-open' })
  const beginnings = [Buffer.alloc(0), whole.subarray(0, 1), whole.subarray(0, -1)]
  const startedAt = performance.now()
  const sockets = Array.from({ length: 300 * SCALE }, (_, index) => {
    const socket = connect({ port: server.port, host: '127.0.0.1' })
    socket.on('error', () => undefined)
    socket.write(beginnings[index % beginnings.length] ?? Buffer.alloc(0))
    t.after(() => socket.destroy())
    return socket.resume()
  })
  const dribble = setInterval(() => sockets[1]?.write(whole.subarray(1, 2)), 500)
  t.after(() => clearInterval(dribble))

  await Promise.all(sockets.map((socket) => once(socket, 'close')))

  const seconds = (performance.now() - startedAt) / 1000
  const limit = DEFAULT_LIMITS.connectTimeoutMs / 1000 + 5
  assert.ok(seconds < limit, `the last was closed after ${seconds.toFixed(1)} s`)
  // The server's own sockets close a moment later than their other ends.
  while ((await server.state()).connectionCount > 1) await setTimeout(20)
})

test('bytes for subscribers that do not read stay within bounds, and other subscribers get everything', async (t) => {
  const server = await ServerProcess.start(t)
  const payload = Buffer.alloc(1000, 'x')
  const packet = publishPacket({ topic: 'news', payload })
  const count = 60_000 * SCALE
  for (const [index, qos] of [0, 0, 0, 1, 1].entries()) {
    const deaf = await letIn(server.port, `deaf-${index}`)
    t.after(() => deaf.destroy())
    deaf.write(subscribePacket(1, { news: qos }))
    await once(deaf, 'data')
    deaf.pause()
  }
  const reader = await letIn(server.port, 'reader')
  t.after(() => reader.destroy())
  reader.write(subscribePacket(1, { news: 0 }))
  await once(reader, 'data')
  const publisher = await letIn(server.port, 'publisher')
  t.after(() => publisher.destroy())
  const before = await server.state()

  await relay(publisher, reader, packet, count)

  const { maxOutgoingBytes, maxQueuedBytes } = DEFAULT_LIMITS
  const allowed = 5 * maxOutgoingBytes + 2 * maxQueuedBytes + 8 * MEBIBYTE
  const grown = (await server.state()).heldBytes - before.heldBytes
  assert.ok(grown < allowed, `${grown} bytes held of ${count * payload.length}`)
})

/** Publishes `count` packets, never far ahead of the reader; resolves when it has received all. */
async function relay(
  publisher: Socket,
  reader: Socket,
  packet: Buffer,
  count: number,
): Promise<void> {
  const window = 200
  const burst = Buffer.concat(Array.from({ length: window / 2 }, () => packet))
  let receivedBytes = 0
  for (let sent = 0; sent < count; sent += window / 2) {
    publisher.write(burst)
    while ((sent - window) * packet.length > receivedBytes) {
      const [bytes] = (await once(reader, 'data')) as [Buffer]
      receivedBytes += bytes.length
    }
  }
  while (receivedBytes < count * packet.length) {
    const [bytes] = (await once(reader, 'data')) as [Buffer]
    receivedBytes += bytes.length
  }
}

test('an idle connection holds at most 4 KB beyond what Node needs for its socket', async (t) => {
  const count = 1000 * SCALE
  const held: Record<string, number> = {}
  for (const kind of ['sockets', 'mqtt'] as const) {
    const server = await ServerProcess.start(t, kind)
    await letInMany(t, server, 100, 20)
    const before = await server.state()
    const clients = await letInMany(t, server, count, 50)
    const after = await server.state()
    held[kind] = (after.heldBytes - before.heldBytes) / count
    for (const client of clients) client.resetAndDestroy()
  }
  const beyond = (held['mqtt'] ?? 0) - (held['sockets'] ?? 0)
  t.diagnostic(`bytes per connection: ${JSON.stringify(held)}`)

  assert.ok(beyond <= 4096, `${Math.round(beyond)} bytes more than a socket's`)
})

test('a short message that waits holds no more memory than is counted for it, whatever passes in between', async (t) => {
  const count = 4_000
  const server = await ServerProcess.start(t)
  const sleeper = await MqttWire.open(t, server.port)
  sleeper.send(connectPacket({ clientId: 'sleeper', isClean: false }), subscribePacket(1, { q: 1 }))
  await sleeper.untilPong()
  await sleeper.send(frame(0xe0)).untilClosed()
  const listener = await letIn(server.port, 'listener')
  t.after(() => listener.destroy())
  listener.write(subscribePacket(1, { noise: 0 }))
  await once(listener, 'data')
  listener.resume()
  const publisher = await MqttWire.open(t, server.port)
  publisher.send(connectPacket({ clientId: 'publisher' }))
  await publisher.untilPong()
  const before = await server.state()

  const noise = publishPacket({ topic: 'noise', payload: Buffer.alloc(1_000) })
  for (let id = 1; id <= count; id++) {
    const waiting = publishPacket({ topic: 'q', payload: Buffer.alloc(20), qos: 1, id })
    publisher.send(waiting, ...Array.from({ length: 8 }, () => noise))
    if (id % 100 === 0) await publisher.untilPong()
  }
  await publisher.untilPong()
  await publisher.untilPong()
  const each = ((await server.state()).heldBytes - before.heldBytes) / count

  t.diagnostic(`${Math.round(each)} bytes each`)
  assert.ok(each < 1_500, `${each} bytes each`)
})
