/** Limits: floods, half-open connections, connections in number, and fairness between clients. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type TestContext, test } from 'node:test'
import { isLoopback } from '../../../../../src/addresses.ts'
import { addressGroup } from '../../../../../src/sources/mqtt-server/limits/address.ts'
import { TokenBuckets } from '../../../../../src/sources/mqtt-server/limits/token-buckets.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import {
  connectPacket,
  frame,
  PINGREQ,
  publishPacket,
  subscribePacket,
} from '../../../../support/mqtt/mqtt-wire.ts'
import { makeCertificates, skipWithoutOpenssl } from '../../../../support/processes/certificates.ts'

const TOPIC = 'iotanalytics/channels/c/messages/put'

async function open(t: TestContext, port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host })
  socket.on('error', () => undefined)
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

test('300 half-open connections, silent or slow, are closed in time on every transport, while a client is served', {
  skip: skipWithoutOpenssl,
}, async (t) => {
  const certificates = makeCertificates(t)
  const { server, port, client } = await startServer(t, {
    limits: { connectTimeoutMs: 300 },
    options: {
      tls: { port: 0, cert: certificates.path('broker.crt'), key: certificates.path('broker.key') },
      webSocket: { port: 0 },
    },
  })
  const good = await client()
  const ports = [port, server.portOf('mqtts'), server.portOf('ws')]
  const beginnings = [
    connectPacket().subarray(0, 5),
    Buffer.from([22, 3, 1]),
    Buffer.from('GET /mq'),
  ]

  const sockets = await Promise.all(
    Array.from({ length: 300 }, (_, n) => open(t, ports[n % 3] ?? 0)),
  )
  for (const [n, socket] of sockets.entries()) {
    if (n % 2 === 0) socket.write(beginnings[n % 3] ?? '')
    socket.resume()
  }
  const closed = Promise.all(
    sockets.map((socket) => (socket.closed ? undefined : once(socket, 'close'))),
  )
  assert.deepEqual(await good.untilPong(), [])
  await closed

  assert.deepEqual(await good.untilPong(), [])
  assert.equal(server.connectionCount, 1)
})

test('one SUBSCRIBE may not have more filters than a client may have subscriptions, even if they are equal', async (t) => {
  const { client } = await startServer(t, { limits: { maxSubscriptionsPerClient: 3 } })
  const filters = ['a', 'a', 'a', 'a', 'b'].flatMap((filter) => [filter, [0]])

  const codes = async (version: 4 | 5) => {
    const wire = await client({ clientId: `v${version}`, version })
    wire.send(frame(0x82, [0, 1], version === 5 ? [0] : [], ...filters))
    return wire.nextHex()
  }

  assert.equal(await codes(5), '9008000100' + '0000009797')
  assert.equal(await codes(4), '90070001' + '0000008080')
})

test('beyond maxConnections a connection is closed at once; when another has ended there is room again', async (t) => {
  const refusals: string[] = []
  const { port, client, server } = await startServer(t, {
    observer: { clientRefused: (_source, _remote, reason) => refusals.push(reason) },
    options: { limits: { maxConnections: 2 } },
  })
  const first = await client({ clientId: 'a' })
  await client({ clientId: 'b' })

  const third = await open(t, port)
  third.resume()
  await once(third, 'close')

  assert.match(refusals[0] ?? '', /2 connections already/)
  first.send(Buffer.from('e000', 'hex'))
  await first.untilClosed()
  while (server.connectionCount > 1) await new Promise(setImmediate)
  await client({ clientId: 'c' })
})

const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address

test('one address gets no more connections, in total and per second, than its limits; loopback is not counted', {
  skip: outside === undefined ? 'this machine has no address but loopback' : false,
}, async (t) => {
  const refusals: string[] = []
  const { port, client } = await startServer(t, {
    observer: { clientRefused: (_source, _remote, reason) => refusals.push(reason) },
    options: {
      host: '0.0.0.0',
      allowAnonymous: true,
      limits: { maxConnectionsPerAddress: 5, maxConnectsPerSecond: 8 },
    },
  })
  const sockets: Socket[] = []
  for (let n = 0; n < 30; n++) {
    const socket = await open(t, port, outside)
    socket.resume()
    sockets.push(socket)
    if (n > 4) await once(socket, 'close')
  }
  for (const socket of sockets) socket.destroy()
  for (let n = 0; n < 20; n++) await client({ clientId: `local ${n}` })

  assert.equal(refusals.length, 25)
  assert.equal(new Set(refusals).size, 1)
  for (let n = 0; n < 12; n++) {
    const socket = await open(t, port, outside)
    socket.resume()
    const isLate = n >= 8
    if (isLate) await once(socket, 'close')
    else socket.destroy()
  }
  assert(refusals.some((reason) => reason.includes('maxConnectsPerSecond')))
})

test('a client above its rate is slowed down and loses nothing; its pings are answered, and others are not affected', async (t) => {
  const clock = new ManualClock()
  const { client, intake } = await startServer(t, {
    clock,
    options: { limits: { maxMessagesPerSecond: 50 } },
  })
  const fast = await client({ clientId: 'fast' })
  const slow = await client({ clientId: 'slow' })
  const messages = Array.from({ length: 120 }, (_, n) =>
    publishPacket({ topic: TOPIC, payload: `${n}`, qos: n % 2 === 0 ? 0 : 1, id: n + 1 }),
  )

  fast.send(...messages)
  await fast.untilPong()
  assert.equal(intake.messages.length, 50)
  slow.send(publishPacket({ topic: TOPIC, payload: 'slow' }))
  await slow.untilPong()
  assert.equal(intake.messages.length, 51)
  for (const count of [101, 121]) {
    clock.advance(1_000)
    await intake.taken(count)
    await new Promise(setImmediate)
    assert.equal(intake.messages.length, count)
  }

  const own = intake.messages
    .map(({ payload }) => payload.toString())
    .filter((text) => text !== 'slow')
  assert.deepEqual(
    own,
    Array.from({ length: 120 }, (_, n) => `${n}`),
  )
})

test('in one turn of the event loop no connection has more than its share of bytes worked on', async (t) => {
  const { client, intake } = await startServer(t)
  const packet = publishPacket({ topic: TOPIC, payload: 'x'.repeat(400) })
  const flood = Buffer.concat(Array.from({ length: 10_000 }, () => packet))
  const flooder = await client({ clientId: 'flooder' })
  let most = 0
  let before = 0
  let isOver = false
  const watch = (): void => {
    most = Math.max(most, intake.messages.length - before)
    before = intake.messages.length
    if (!isOver) setImmediate(watch)
  }
  setImmediate(watch)

  flooder.send(flood)
  await intake.taken(10_000)
  isOver = true

  // The chunk that was being read when the share was used up still counts.
  assert(most <= (2 * 65_536) / packet.length + 1, `${most} messages of ${packet.length} bytes`)
})

test('a flood of tiny packets and subscriptions does not stop other clients', async (t) => {
  const { client } = await startServer(t)
  const flooder = await client({ clientId: 'flooder' })
  const other = await client({ clientId: 'other' })
  const tiny = Buffer.concat(Array.from({ length: 300_000 }, () => publishPacket({ topic: 'a' })))
  const filters = Buffer.concat(
    Array.from({ length: 20_000 }, () => subscribePacket(1, { 'a/+/b': 0 })),
  )
  const order: string[] = []

  flooder.send(tiny, filters, PINGREQ)
  const flooded = flooder.untilPong().then(() => order.push('flooder'))
  for (let n = 0; n < 20; n++) assert.deepEqual(await other.untilPong(), [])
  order.push('other')
  await flooded

  assert.deepEqual(order, ['other', 'flooder'])
})

test('a subscriber that reads nothing is disconnected or loses QoS 0 messages, which are counted; the publisher is not affected', async (t) => {
  const gone: string[] = []
  const { client } = await startServer(t, {
    limits: { maxOutgoingBytes: 65_536, maxQueuedMessages: 100, maxQueuedBytes: 1_000_000 },
    observer: {
      clientDisconnected: (_source, clientId, reason) => gone.push(`${clientId}: ${reason}`),
    },
  })
  const deaf = await client({ clientId: 'deaf' })
  deaf.send(subscribePacket(1, { 'news/#': 1 }))
  await deaf.next()
  deaf.socket.pause()
  const publisher = await client({ clientId: 'publisher' })
  const payload = 'x'.repeat(10_000)

  for (let n = 0; n < 2_000; n++)
    publisher.send(publishPacket({ topic: 'news/a', payload, qos: 1, id: n + 1 }))
  for (let n = 0; n < 2_000; n++) assert.match(await publisher.nextHex(), /^4002/)

  assert.deepEqual(gone, ['deaf: reads too slowly for its subscriptions'])
})

test('addresses: IPv6 is grouped by its first 64 bits, mapped IPv4 as IPv4', () => {
  assert.equal(addressGroup('203.0.113.7'), '203.0.113.7')
  assert.equal(addressGroup('::ffff:203.0.113.7'), '203.0.113.7')
  assert.equal(addressGroup('2001:db8:1:2:3:4:5:6'), addressGroup('2001:db8:1:2::9'))
  assert.notEqual(addressGroup('2001:db8:1:2::9'), addressGroup('2001:db8:1:3::9'))
  assert.equal(addressGroup('fe80::1%eth0'), addressGroup('fe80::2'))
  assert.equal(isLoopback('::ffff:127.0.0.1'), true)
  assert.equal(isLoopback('128.0.0.1'), false)
})

test('rates: a bucket refills, and any number of addresses takes bounded memory', () => {
  let nowMs = 1_000
  const buckets = new TokenBuckets({ capacity: 2, perSecond: 1, maxKeys: 100, nowMs: () => nowMs })

  assert.deepEqual([buckets.take('a'), buckets.take('a'), buckets.take('a')], [true, true, false])
  nowMs += 1_000
  assert.deepEqual([buckets.has('a'), buckets.take('a'), buckets.take('a')], [true, true, false])
  for (let n = 0; n < 10_000; n++) buckets.take(`address ${n}`)
  assert.equal(buckets.size, 100)
  nowMs += 60_000
  buckets.take('b')
  assert.equal(buckets.size, 1)
})
