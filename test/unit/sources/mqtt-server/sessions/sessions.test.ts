/** Sessions that outlive a connection, and the settings of MQTT 5. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import {
  connectPacket,
  frame,
  type MqttWire,
  publishPacket,
  subscribePacket,
} from '../../../../support/mqtt/mqtt-wire.ts'
import { property } from '../../../../support/mqtt/property.ts'

async function subscribe(
  client: MqttWire,
  filters: Record<string, number>,
  properties: number[] = [],
) {
  client.send(subscribePacket(1, filters, properties))
  await client.untilPong()
}

async function publish(publisher: MqttWire, fields: Parameters<typeof publishPacket>[0]) {
  publisher.send(publishPacket({ properties: [], ...fields }))
  await publisher.untilPong()
}

/** The last bytes of each PUBLISH that a client received. */
function payloads(packets: readonly string[], length: number): string[] {
  return packets
    .filter((hex) => hex.startsWith('3'))
    .map((hex) => Buffer.from(hex, 'hex').subarray(-length).toString())
}

test('QoS 2 goes out once: PUBLISH, PUBREC, PUBREL, PUBCOMP, also over a lost connection', async (t) => {
  const { client } = await startServer(t)
  const fields = { clientId: 'listener', isClean: false }
  const listener = await client(fields)
  listener.send(subscribePacket(1, { q: 2 }))
  await listener.next()
  const publisher = await client({ clientId: 'publisher', version: 5 })

  await publish(publisher, { topic: 'q', payload: 'x', qos: 2, id: 5 })
  const sent = await listener.untilPong()
  listener.send(frame(0x50, [0, 1]))
  const released = await listener.untilPong()
  listener.socket.destroy()
  const again = await client(fields)
  const repeated = await again.untilPong()
  again.send(frame(0x70, [0, 1]))
  await again.untilPong()
  again.socket.destroy()
  const last = await (await client(fields)).untilPong()

  assert.deepEqual(sent, ['34060001710001' + '78'])
  assert.deepEqual(released, ['62020001'])
  // [MQTT-4.4.0-1]: after PUBREC, PUBREL is sent again
  assert.deepEqual(repeated, ['62020001'])
  assert.deepEqual(last, [])
})

test('a session waits for its client until its expiry, and so do its messages', async (t) => {
  const clock = new ManualClock()
  const { client, wire } = await startServer(t, { clock })
  const expiry = {
    clientId: 'sleeper',
    version: 5,
    properties: property.sessionExpiry(60),
  } as const
  const sleeper = await client(expiry)
  await subscribe(sleeper, { 'wake/#': 1 })
  sleeper.send(frame(0xe0))
  await sleeper.untilClosed()
  const publisher = await client({ clientId: 'publisher', version: 5 })
  const back = async () => {
    const again = await wire()
    again.send(connectPacket({ ...expiry, isClean: false }))
    const connack = await again.next()
    return { again, isPresent: connack?.[2] === 1 }
  }

  await publish(publisher, { topic: 'wake/up', payload: 'a', qos: 1 })
  await publish(publisher, { topic: 'wake/up', payload: 'b', qos: 0 })
  clock.advance(59_000)
  const inTime = await back()
  const got = payloads(await inTime.again.untilPong(), 1)
  inTime.again.send(frame(0xe0))
  await inTime.again.untilClosed()
  clock.advance(62_000)
  const late = await back()

  assert.equal(inTime.isPresent, true)
  assert.deepEqual(got, ['a'])
  assert.equal(late.isPresent, false)
})

test('clean start drops the session that was kept [MQTT-3.1.2-4]', async (t) => {
  const { client, server } = await startServer(t)
  const first = await client({ clientId: 'c', isClean: false })
  first.send(subscribePacket(1, { 'a/#': 1 }))
  await first.next()
  first.socket.destroy()

  await client({ clientId: 'c', isClean: true })

  assert.equal(server.outlet.hasListeners('a/b'), false)
})

test('a will waits for its delay, and is not published if the client comes back [MQTT-3.1.3-9]', async (t) => {
  const clock = new ManualClock()
  const { client } = await startServer(t, { clock })
  const listener = await client({ clientId: 'listener', version: 5 })
  await subscribe(listener, { w: 0 })
  const will = { topic: 'w', payload: 'gone', properties: property.willDelay(5) }
  const fields = {
    clientId: 'c',
    version: 5,
    will,
    properties: property.sessionExpiry(60),
    isClean: false,
  } as const

  const first = await client(fields)
  first.socket.resetAndDestroy()
  clock.advance(3_000)
  const second = await client(fields)
  clock.advance(10_000)
  const afterReturn = await listener.untilPong()
  second.socket.resetAndDestroy()
  await waitUntilOffline(listener)
  clock.advance(3_000)
  const early = await listener.untilPong()
  clock.advance(4_000)

  assert.deepEqual(afterReturn, [])
  assert.deepEqual(early, [])
  assert.deepEqual(payloads(await listener.untilPong(), 4), ['gone'])
})

/** Two round trips: by then the server has read what another socket sent before. */
async function waitUntilOffline(client: MqttWire) {
  await client.untilPong()
  await client.untilPong()
}

test('no more messages are in flight than the client’s Receive Maximum [MQTT-3.3.4-9]', async (t) => {
  const { client } = await startServer(t)
  const listener = await client({
    clientId: 'listener',
    version: 5,
    properties: property.receiveMaximum(2),
  })
  await subscribe(listener, { q: 1 })
  const publisher = await client({ clientId: 'publisher', version: 5 })

  for (const payload of ['a', 'b', 'c', 'd'])
    await publish(publisher, { topic: 'q', payload, qos: 1 })
  const first = await listener.untilPong()
  listener.send(frame(0x40, [0, 1]))
  const second = await listener.untilPong()
  listener.send(frame(0x40, [0, 2]), frame(0x40, [0, 3]))
  const third = await listener.untilPong()

  assert.deepEqual(
    [first, second, third].map((packets) => payloads(packets, 1)),
    [['a', 'b'], ['c'], ['d']],
  )
})

test('more unacknowledged messages than the server’s Receive Maximum end the connection [MQTT-3.3.4-7]', async (t) => {
  const { client } = await startServer(t, { limits: { receiveMaximum: 3 } })
  const device = await client({ version: 5 })

  device.send(
    ...[1, 2, 3, 4].map((id) => publishPacket({ topic: 'x', qos: 2, id, properties: [] })),
  )
  const answers = await device.untilClosed()

  assert.match(answers.at(-1) ?? '', /^e0..93/)
})

test('a client that accepts topic aliases gets the topic only with the first message', async (t) => {
  const { client } = await startServer(t)
  const listener = await client({
    clientId: 'listener',
    version: 5,
    properties: property.topicAliasMaximum(1),
  })
  await subscribe(listener, { 'topic/#': 0 })
  const publisher = await client({ clientId: 'publisher', version: 5 })

  for (const topic of ['topic/a', 'topic/a', 'topic/b'])
    await publish(publisher, { topic, payload: 'x' })

  const topicA = Buffer.from('topic/a').toString('hex')
  const topicB = Buffer.from('topic/b').toString('hex')
  assert.deepEqual(await listener.untilPong(), [
    `300e0007${topicA}0323000178`,
    '30070000032300' + '0178',
    `300b0007${topicB}0078`,
  ])
})

test('an expired message is not delivered; the others carry their remaining time [MQTT-3.3.2-6]', async (t) => {
  const clock = new ManualClock()
  const { client } = await startServer(t, { clock })
  const fields = {
    clientId: 'c',
    version: 5,
    properties: property.sessionExpiry(256),
    isClean: false,
  } as const
  const sleeper = await client(fields)
  await subscribe(sleeper, { q: 1 })
  sleeper.send(frame(0xe0))
  await sleeper.untilClosed()
  const publisher = await client({ clientId: 'publisher', version: 5 })

  await publish(publisher, {
    topic: 'q',
    payload: 'short',
    qos: 1,
    properties: property.messageExpiry(5),
  })
  await publish(publisher, {
    topic: 'q',
    payload: 'long',
    qos: 1,
    properties: property.messageExpiry(50),
  })
  clock.advance(20_000)

  const got = await (await client(fields)).untilPong()
  assert.deepEqual(got, [`320f000171000105020000001e${Buffer.from('long').toString('hex')}`])
})

test('subscription options: no local, retain as published, retain handling, identifier', async (t) => {
  const { client } = await startServer(t)
  const publisher = await client({ clientId: 'publisher', version: 5 })
  await subscribe(publisher, { 'o/#': 0x04 })
  const kept = await client({ clientId: 'kept', version: 5 })
  await subscribe(kept, { 'o/#': 0x08 }, property.subscriptionIdentifier(16_383))

  await publish(publisher, { topic: 'o/1', payload: 'x', retain: true })
  const own = await publisher.untilPong()
  const asPublished = await kept.untilPong()
  const late = await client({ clientId: 'late', version: 5 })
  late.send(subscribePacket(1, { 'o/#': 0x20 }, []))
  const never = payloads(await late.untilPong(), 1)
  late.send(subscribePacket(2, { 'o/+': 0x10 }, []))
  const whenNew = payloads(await late.untilPong(), 1)
  late.send(subscribePacket(3, { 'o/+': 0x10 }, []))
  const notAgain = payloads(await late.untilPong(), 1)

  assert.deepEqual(own, [])
  assert.deepEqual(asPublished, ['310a00036f2f31030bff7f78'])
  assert.deepEqual([never, whenNew, notAgain], [[], ['x'], []])
})

test('a shared subscription divides the messages among its members that are online', async (t) => {
  const { client } = await startServer(t)
  const members: MqttWire[] = []
  for (const clientId of ['a', 'b', 'c']) {
    const member = await client({ clientId, version: 5 })
    await subscribe(member, { '$share/group/jobs/#': 1 })
    members.push(member)
  }
  const alone = await client({ clientId: 'alone', version: 5 })
  await subscribe(alone, { 'jobs/#': 0 })
  const publisher = await client({ clientId: 'publisher', version: 5 })

  for (let i = 0; i < 6; i++) await publish(publisher, { topic: 'jobs/x', payload: `${i}` })
  const each = await Promise.all(
    members.map(async (member) => payloads(await member.untilPong(), 1)),
  )
  members[0]?.socket.destroy()
  await waitUntilOffline(alone)
  for (let i = 6; i < 9; i++) await publish(publisher, { topic: 'jobs/x', payload: `${i}` })
  const rest = await Promise.all(
    members.slice(1).map(async (member) => payloads(await member.untilPong(), 1)),
  )

  assert.deepEqual(
    each.map((got) => got.length),
    [2, 2, 2],
  )
  assert.deepEqual(rest.flat().toSorted(), ['6', '7', '8'])
})

test('a packet longer than a client accepts is not sent to it [MQTT-3.1.2-24]', async (t) => {
  const { client } = await startServer(t)
  const small = await client({
    clientId: 'small',
    version: 5,
    properties: property.maximumPacketSize(40),
  })
  await subscribe(small, { '#': 1 })
  const publisher = await client({ clientId: 'publisher', version: 5 })

  await publish(publisher, { topic: 'a', payload: 'x'.repeat(60), qos: 1 })
  await publish(publisher, { topic: 'a', payload: 'y', qos: 1 })

  assert.deepEqual(payloads(await small.untilPong(), 1), ['y'])
})

test('user properties, content type and format are passed on in their order [MQTT-3.3.2-18]', async (t) => {
  const { client } = await startServer(t)
  const listener = await client({ clientId: 'listener', version: 5 })
  await subscribe(listener, { p: 0 })
  const four = await client({ clientId: 'four' })
  four.send(subscribePacket(1, { p: 0 }))
  await four.next()
  const publisher = await client({ clientId: 'publisher', version: 5 })
  const user = (name: string, value: string) => [
    38,
    0,
    1,
    name.charCodeAt(0),
    0,
    1,
    value.charCodeAt(0),
  ]
  const properties = [1, 1, 3, 0, 1, 0x74, ...user('b', '1'), ...user('a', '2'), ...user('b', '3')]

  await publish(publisher, {
    topic: 'p',
    payload: 'x',
    properties: [...property.topicAlias(1), ...properties],
  })

  const length = properties.length
  const packet = frame(0x30, 'p', [length, ...properties], Buffer.from('x'))
  assert.deepEqual(await listener.untilPong(), [packet.toString('hex')])
  assert.deepEqual(await four.untilPong(), ['300400017078'])
})

test('a keep-alive longer than the server allows is reduced, and MQTT 5 clients learn of it [MQTT-3.2.2-21]', async (t) => {
  const { wire } = await startServer(t, { limits: { maxKeepAliveS: 60 } })
  const five = await wire()

  five.send(connectPacket({ version: 5, keepAliveS: 120 }))

  assert.match(await five.nextHex(), /13003c/)
})

test('$SYS topics show figures of the server, and clients may not publish to them', async (t) => {
  const { client } = await startServer(t)
  const device = await client({ version: 5 })

  device.send(subscribePacket(1, { '$SYS/broker/#': 0 }, []))
  const packets = (await device.untilPong()).map((hex) => Buffer.from(hex, 'hex').toString())
  device.send(publishPacket({ topic: '$SYS/broker/uptime', qos: 1, properties: [] }))

  assert.ok(packets.some((packet) => packet.includes('$SYS/broker/clients/connected')))
  assert.ok(packets.some((packet) => packet.includes('iot-analytics-connector')))
  assert.equal((await device.next())?.[4], 0x87)
})

test('a clean session leaves nothing behind', async (t) => {
  const { client, server } = await startServer(t)

  for (let i = 0; i < 50; i++) {
    const device = await client({ clientId: `c${i}` })
    device.send(subscribePacket(1, { [`a/${i}/+`]: 1 }), frame(0xe0))
    await device.untilClosed()
  }

  while (server.connectionCount > 0) await setImmediate()
  assert.equal(server.outlet.hasListeners('a/7/x'), false)
})
