/** Subscriptions: filters, retained messages, wills, receipts from the outlet. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { STATUS_TOPIC, startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import {
  frame,
  type MqttWire,
  publishPacket,
  subscribePacket,
} from '../../../../support/mqtt/mqtt-wire.ts'
import { property } from '../../../../support/mqtt/property.ts'

async function subscribed(
  client: MqttWire,
  filters: Record<string, number>,
  properties?: number[],
): Promise<MqttWire> {
  client.send(subscribePacket(1, filters, properties))
  await client.next()
  return client
}

function packed(...payloads: string[]) {
  const bytes = Buffer.from(payloads.join(''))
  let end = 0
  const ends = Uint32Array.from(payloads.map((payload) => (end += Buffer.byteLength(payload))))
  return { count: payloads.length, bytes, ends }
}

test('filters match as section 4.7 says', async (t) => {
  const { client } = await startServer(t)
  const publisher = await client({ clientId: 'publisher' })
  const cases: [filter: string, topic: string, isMatch: boolean][] = [
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['#', 'a/b', true],
    ['#', '$private/a', false],
    ['+/a', '$private/a', false],
    ['$private/#', '$private/a', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['ACCOUNTS', 'Accounts', false],
  ]

  for (const [i, [filter, topic, isMatch]] of cases.entries()) {
    const listener = await subscribed(await client({ clientId: `listener${i}` }), { [filter]: 0 })
    publisher.send(publishPacket({ topic, payload: 'x' }))
    await publisher.untilPong()

    const got = await listener.untilPong()
    assert.equal(got.length, isMatch ? 1 : 0, `${filter} and ${topic}`)
    listener.socket.destroy()
  }
})

test('overlapping filters deliver once, with the highest QoS and all identifiers', async (t) => {
  const { client } = await startServer(t)
  const listener = await client({ clientId: 'listener', version: 5 })
  listener.send(
    subscribePacket(1, { 'a/#': 0 }, property.subscriptionIdentifier(1)),
    subscribePacket(2, { 'a/+': 1 }, property.subscriptionIdentifier(2)),
  )
  await listener.untilPong()
  const publisher = await client({ clientId: 'publisher' })

  publisher.send(publishPacket({ topic: 'a/b', payload: 'x', qos: 1, id: 1 }))
  await publisher.next()

  // QoS 1, packet id 1, properties: subscription identifiers of both
  const [publish, ...others] = await listener.untilPong()
  assert.deepEqual(others, [])
  assert.ok(
    publish === '320d0003612f62000104' + '0b010b02' + '78' ||
      publish === '320d0003612f62000104' + '0b020b01' + '78',
  )
})

test('a message goes out at the lower of both QoS, and QoS 1 is sent again to a session that returns', async (t) => {
  const { client } = await startServer(t)
  const fields = { clientId: 'listener', isClean: false }
  const listener = await subscribed(await client(fields), { 'a/1': 1, 'a/0': 0 })
  const publisher = await client({ clientId: 'publisher' })

  publisher.send(
    publishPacket({ topic: 'a/0', payload: 'x', qos: 1, id: 1 }),
    publishPacket({ topic: 'a/1', payload: 'y', qos: 2, id: 2 }),
  )
  const first = await listener.untilPong()
  listener.socket.destroy()
  const again = await client(fields)
  const second = await again.untilPong()
  again.send(frame(0x40, [0, 1]))
  await again.untilPong()
  again.socket.destroy()
  const third = await (await client(fields)).untilPong()

  assert.deepEqual(first, ['30060003612f3078', '32080003612f31000179'])
  // [MQTT-3.3.1-1]: sent again with DUP
  assert.deepEqual(second, ['3a080003612f31000179'])
  assert.deepEqual(third, [])
})

test('a retained message goes to later subscribers, until an empty one removes it', async (t) => {
  const { client } = await startServer(t)
  const publisher = await client({ clientId: 'publisher' })

  publisher.send(publishPacket({ topic: 'r/1', payload: 'x', retain: true }))
  await publisher.untilPong()
  const late = await client({ clientId: 'late' })
  late.send(subscribePacket(1, { 'r/+': 0 }))
  const atSubscribe = await late.untilPong()
  publisher.send(publishPacket({ topic: 'r/1', payload: 'y', retain: true }))
  await publisher.untilPong()
  const live = await late.untilPong()
  publisher.send(publishPacket({ topic: 'r/1', retain: true }))
  await publisher.untilPong()
  const later = await client({ clientId: 'later' })
  later.send(subscribePacket(1, { '#': 0 }))

  assert.deepEqual(atSubscribe, ['9003000100', '31060003722f3178'])
  // [MQTT-3.3.1-9]: for clients that had subscribed before, the flag is clear
  assert.deepEqual(live, ['30060003722f3179'])
  assert.deepEqual(await later.untilPong(), ['9003000100'])
})

test('a will is published when the connection is lost, and not after DISCONNECT', async (t) => {
  const { client, intake } = await startServer(t)
  const listener = await subscribed(await client({ clientId: 'listener' }), { '+/will': 0 })
  const will = { topic: 'a/will', payload: 'gone' }
  const stored = { topic: 'iotanalytics/will', payload: 'gone' }

  const lost = await client({ clientId: 'lost', will })
  const leaving = await client({ clientId: 'leaving', will: { ...will, topic: 'b/will' } })
  const device = await client({ clientId: 'device', will: stored })
  leaving.send(Buffer.from('e000', 'hex'))
  await leaving.untilClosed()
  lost.socket.destroy()
  device.socket.destroy()
  await intake.taken(1)

  const wills = [await listener.nextHex(), await listener.nextHex()].toSorted()
  assert.equal(wills[0], '300c0006612f77696c6c676f6e65')
  assert.match(Buffer.from(wills[1] ?? '', 'hex').toString(), /iotanalytics\/willgone/)
  assert.deepEqual(await listener.untilPong(), [])
  assert.equal(intake.messages[0]?.topic, 'iotanalytics/will')
})

test('a second client with the same id takes over; with MQTT 5 the first one gets the reason', async (t) => {
  const { client } = await startServer(t)
  const first = await client({ clientId: 'same', version: 5 })

  const second = await client({ clientId: 'same', version: 5 })
  const last = await first.untilClosed()

  assert.match(last[0] ?? '', /^e0..8e/)
  assert.deepEqual(await second.untilPong(), [])
})

test('receipts of one batch arrive in one write, for QoS 0 and QoS 1 subscribers alike', async (t) => {
  const { client, server } = await startServer(t)
  const zero = await subscribed(await client({ clientId: 'zero' }), { [STATUS_TOPIC]: 0 })
  const five = await subscribed(
    await client({ clientId: 'five', version: 5 }),
    { [STATUS_TOPIC]: 1 },
    [],
  )
  const chunks: Buffer[] = []
  zero.socket.on('data', (chunk: Buffer) => chunks.push(chunk))

  server.outlet.publish(STATUS_TOPIC, packed('{"a":1}', '{"b":2}', '{"c":3}'))
  const atZero = await zero.untilPong()
  const atFive = await five.untilPong()

  assert.deepEqual(
    atZero.map((hex) => Buffer.from(hex, 'hex').toString().slice(-7)),
    ['{"a":1}', '{"b":2}', '{"c":3}'],
  )
  assert.ok((chunks[0]?.length ?? 0) > 3 * STATUS_TOPIC.length)
  assert.equal(atFive.length, 3)
  assert.match(atFive[2] ?? '', /^32.*0003007b2263223a337d$/)
})

test('the outlet knows whether a receipt has subscribers, also through wildcards', async (t) => {
  const { client, server } = await startServer(t)

  const before = server.outlet.hasListeners(STATUS_TOPIC)
  const listener = await subscribed(await client(), { 'iotanalytics/#': 0 })
  const meanwhile = server.outlet.hasListeners(STATUS_TOPIC)
  listener.send(frame(0xa2, [0, 2], 'iotanalytics/#'))
  await listener.next()

  assert.deepEqual(
    [before, meanwhile, server.outlet.hasListeners(STATUS_TOPIC)],
    [false, true, false],
  )
})

test('a reply goes to the response topic with the correlation data', async (t) => {
  const { client, server } = await startServer(t)
  const device = await subscribed(await client({ version: 5 }), { 'answers/1': 0 }, [])

  server.outlet.reply({ topic: 'answers/1', correlation: Buffer.from('id') }, Buffer.from('ok'))

  assert.equal(
    await device.nextHex(),
    `30130009${Buffer.from('answers/1').toString('hex')}0509000269646f6b`,
  )
})

test('a subscriber that reads nothing loses QoS 0 messages and delays no other subscriber', async (t) => {
  const { client, server } = await startServer(t, { limits: { maxOutgoingBytes: 100_000 } })
  const stuck = await subscribed(await client({ clientId: 'stuck' }), { 'flood/#': 0 })
  stuck.socket.pause()
  const reading = await subscribed(await client({ clientId: 'reading' }), { 'flood/#': 0 })
  const publisher = await client({ clientId: 'publisher' })
  const payload = Buffer.alloc(60_000)

  let arrived = 0
  for (let i = 0; i < 200; i++) {
    publisher.send(publishPacket({ topic: 'flood/x', payload }))
    await publisher.untilPong()
    arrived += (await reading.untilPong()).length
  }

  assert.equal(arrived, 200)
  assert.equal(server.connectionCount, 3)
})

test('a QoS 1 subscriber that never acknowledges is disconnected at its limit', async (t) => {
  const { client } = await startServer(t, { limits: { maxInflight: 2, maxQueuedMessages: 3 } })
  const listener = await subscribed(await client({ clientId: 'lazy', version: 5 }), { q: 1 }, [])
  const publisher = await client({ clientId: 'publisher' })

  for (let id = 1; id <= 6; id++) publisher.send(publishPacket({ topic: 'q', qos: 1, id }))
  const last = await listener.untilClosed()

  assert.equal(last.length, 3)
  assert.match(last[2] ?? '', /^e0..97/)
})

test('properties of a message count towards the limit like its payload', async (t) => {
  const { client } = await startServer(t, { limits: { maxQueuedBytes: 80_000 } })
  const listener = await subscribed(await client({ clientId: 'lazy', version: 5 }), { q: 1 }, [])
  const publisher = await client({ clientId: 'publisher', version: 5 })
  const properties = property.userProperty('n', 'x'.repeat(16_000))

  for (let id = 1; id <= 6; id++) {
    publisher.send(publishPacket({ topic: 'q', qos: 1, id, properties }))
  }
  const last = await listener.untilClosed()

  assert.match(last.at(-1) ?? '', /^e0..97/)
})
