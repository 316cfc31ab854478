/** The clauses about PUBLISH and delivery (sections 3.3 to 3.7 and chapter 4). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../support/manual-clock.ts'
import { startServer } from '../../support/mqtt/mqtt-server-under-test.ts'
import { frame, publishPacket, subscribePacket } from '../../support/mqtt/mqtt-wire.ts'
import { publish, publishes, subscribe } from '../../support/mqtt/wire-exchanges.ts'

const TOPIC = 'iotanalytics/channels/c/messages/binary/put'

test('DUP is not passed on: the server sets it for its own retransmissions only [MQTT-3.3.1-3]', async (t) => {
  const { client } = await startServer(t)
  const listener = await client({ clientId: 'listener' })
  await subscribe(listener, { a: 1 })
  const publisher = await client({ clientId: 'publisher' })

  await publish(publisher, { topic: 'a', payload: 'x', qos: 1, isDuplicate: true })

  assert.deepEqual(await listener.untilPong(), ['32060001610001' + '78'])
})

test('the last retained message of a topic is kept with its QoS, and messages that are not retained do not change it [MQTT-3.3.1-5] [MQTT-3.3.1-12]', async (t) => {
  const { client } = await startServer(t)
  const publisher = await client({ clientId: 'publisher' })
  let count = 0
  const retained = async () => {
    const late = await client({ clientId: `late${count++}` })
    return publishes(await subscribe(late, { r: 2 }))
  }

  await publish(publisher, { topic: 'r', payload: '1', qos: 1, retain: true })
  await publish(publisher, { topic: 'r', payload: '-', qos: 1 })
  const first = await retained()
  await publish(publisher, { topic: 'r', payload: '2', retain: true })
  const second = await retained()
  await publish(publisher, { topic: 'r', payload: '', qos: 1 })
  const untouched = await retained()

  assert.deepEqual(first, ['33060001720001' + '31'])
  assert.deepEqual(second, ['3104000172' + '32'])
  assert.deepEqual(untouched, second)
})

test('an empty retained message is passed on, removes the retained message and is not kept [MQTT-3.3.1-10] [MQTT-3.3.1-11]', async (t) => {
  const { client } = await startServer(t)
  const publisher = await client({ clientId: 'publisher' })
  await publish(publisher, { topic: 'r', payload: '1', retain: true })
  const listener = await client({ clientId: 'listener' })
  await subscribe(listener, { r: 0 })

  await publish(publisher, { topic: 'r', retain: true })
  const live = await listener.untilPong()
  const late = await client({ clientId: 'late' })

  assert.deepEqual(live, ['3003000172'])
  assert.deepEqual(publishes(await subscribe(late, { r: 0 })), [])
})

test('a packet id whose exchange has ended belongs to a new message, whatever DUP says [MQTT-4.3.2-2] [MQTT-4.3.3-2]', async (t) => {
  const { client, intake } = await startServer(t)
  const device = await client()
  const one = { topic: TOPIC, payload: 'x', qos: 1, id: 5 } as const
  const two = { ...one, qos: 2, id: 6 } as const

  device.send(publishPacket(one))
  await device.next()
  device.send(publishPacket({ ...one, isDuplicate: true }))
  await device.next()
  device.send(publishPacket(two))
  await device.next()
  device.send(frame(0x62, [0, 6]))
  await device.next()
  device.send(publishPacket({ ...two, isDuplicate: true }))
  await device.next()

  assert.equal(intake.messages.length, 4)
})

test('a PUBREC with an error code ends the exchange, in either direction [MQTT-4.3.3-9] [MQTT-4.4.0-2]', async (t) => {
  const { client } = await startServer(t)
  const fields = {
    clientId: 'c',
    version: 5,
    isClean: false,
    properties: [17, 0, 0, 1, 0],
  } as const
  const device = await client(fields)
  await subscribe(device, { a: 2 }, [])
  const publisher = await client({ clientId: 'publisher' })
  await publish(publisher, { topic: 'a', payload: 'x', qos: 2, id: 1 })
  await device.untilPong()

  device.send(frame(0x50, [0, 1, 0x97]))
  await device.untilPong()
  device.socket.destroy()
  const again = await client(fields)
  const resent = await again.untilPong()
  const refused = { topic: '$SYS/x', qos: 2, id: 9, properties: [] } as const
  again.send(publishPacket(refused))
  const first = await again.nextHex()
  again.send(publishPacket(refused))
  const second = await again.nextHex()

  assert.deepEqual(resent, [])
  assert.match(first, /^50..000987/)
  assert.equal(second, first)
})

test('a QoS 2 message that has been sent no longer expires [MQTT-4.3.3-7]', async (t) => {
  const clock = new ManualClock()
  const { client } = await startServer(t, { clock })
  const fields = {
    clientId: 'c',
    version: 5,
    isClean: false,
    properties: [17, 0, 0, 1, 0],
  } as const
  const listener = await client(fields)
  await subscribe(listener, { a: 2 }, [])
  const publisher = await client({ clientId: 'publisher', version: 5 })
  await publish(publisher, { topic: 'a', payload: 'x', qos: 2, properties: [2, 0, 0, 0, 5] })
  const sent = await listener.untilPong()

  listener.socket.destroy()
  clock.advance(10_000)
  const again = await client(fields)
  const [resent] = await again.untilPong()

  assert.equal(sent.length, 1)
  assert.match(resent ?? '', /^3c/)
})

test('topic aliases end with their connection, in both directions [MQTT-3.3.2-7]', async (t) => {
  const { client } = await startServer(t)
  const fields = {
    clientId: 'c',
    version: 5,
    isClean: false,
    properties: [17, 0, 0, 1, 0, 34, 0, 5],
  } as const
  const first = await client(fields)
  await subscribe(first, { 'topic/#': 0 }, [])
  await publish(first, { topic: 'topic/a', payload: '1', properties: [35, 0, 1] })
  await publish(first, { topic: '', payload: '2', properties: [35, 0, 1] })
  first.socket.destroy()

  const second = await client(fields)
  await publish(second, { topic: 'topic/a', payload: '3', properties: [] })
  second.send(publishPacket({ topic: 'topic/a', payload: '4', properties: [] }))
  const named = await second.untilPong()
  second.send(publishPacket({ topic: '', payload: '5', properties: [35, 0, 1] }))
  const answers = await second.untilClosed()

  assert.equal(named.length, 1)
  assert.match(answers.at(-1) ?? '', /^e0..82/)
})

test('every topic alias up to the maximum is accepted, and none beyond [MQTT-3.3.2-12] [MQTT-3.3.2-9]', async (t) => {
  const { client } = await startServer(t, { limits: { topicAliasMaximum: 4 } })
  const listener = await client({ clientId: 'listener' })
  await subscribe(listener, { '#': 0 })
  const publisher = await client({ clientId: 'publisher', version: 5 })

  for (const alias of [1, 2, 3, 4]) {
    await publish(publisher, { topic: `t${alias}`, payload: 'x', properties: [35, 0, alias] })
    await publish(publisher, { topic: '', payload: 'y', properties: [35, 0, alias] })
  }
  const got = await listener.untilPong()
  publisher.send(publishPacket({ topic: 't5', properties: [35, 0, 5] }))

  assert.equal(got.length, 8)
  assert.match((await publisher.untilClosed())[0] ?? '', /^e0..94/)
})

test('an invalid response topic closes the connection [MQTT-3.3.2-14]', async (t) => {
  const { client } = await startServer(t)

  for (const topic of ['a/#', '+', '']) {
    const text = Buffer.from(topic)
    const device = await client({ version: 5 })
    device.send(publishPacket({ topic: 'a', properties: [8, 0, text.length, ...text] }))
    assert.match((await device.untilClosed())[0] ?? '', /^e0..82/)
  }
})

test('the messages of one client arrive in order, also when they are sent again [MQTT-4.6.0-1] [MQTT-4.6.0-6]', async (t) => {
  const { client } = await startServer(t)
  const fields = { clientId: 'c', isClean: false }
  const listener = await client(fields)
  await subscribe(listener, { 'o/#': 2 })
  const publisher = await client({ clientId: 'publisher' })
  for (let id = 1; id <= 9; id++) {
    const qos = id % 2 === 0 ? 1 : 2
    publisher.send(publishPacket({ topic: 'o/x', payload: `${id}`, qos, id }))
  }
  await publisher.untilPong()
  const order = (packets: readonly string[]) =>
    packets.map((hex) => Buffer.from(hex, 'hex').subarray(-1).toString()).join('')

  const first = await listener.untilPong()
  listener.socket.destroy()
  const again = await client(fields)
  const second = await again.untilPong()

  assert.equal(order(first), '123456789')
  assert.equal(order(second), '123456789')
  // all of them are sent again with DUP and with their old ids
  assert.ok(second.every((hex) => hex.startsWith('3a') || hex.startsWith('3c')))
  const ids = (packets: readonly string[]) => packets.map((hex) => hex.slice(14, 18))
  assert.deepEqual(ids(second), ids(first))
})

test('an acknowledgement leaves out its reason when that would exceed the client’s maximum packet size [MQTT-3.4.2-2] [MQTT-3.5.2-2]', async (t) => {
  const { client } = await startServer(t)
  const device = await client({ version: 5, properties: [39, 0, 0, 0, 30] })

  device.send(
    publishPacket({ topic: '$SYS/x', qos: 1, id: 1, properties: [] }),
    publishPacket({ topic: '$SYS/x', qos: 2, id: 2, properties: [] }),
  )

  assert.deepEqual([await device.nextHex(), await device.nextHex()], ['4003000187', '5003000287'])
})

test('when the client has no room for more messages, all other packets are still sent [MQTT-3.3.4-10] [MQTT-4.9.0-3]', async (t) => {
  const { client } = await startServer(t)
  const listener = await client({ clientId: 'listener', version: 5, properties: [33, 0, 1] })
  await subscribe(listener, { a: 1 }, [])
  const publisher = await client({ clientId: 'publisher' })
  await publish(publisher, { topic: 'a', qos: 1, id: 1 })
  await publish(publisher, { topic: 'a', qos: 1, id: 2 })
  const first = await listener.untilPong()

  listener.send(
    subscribePacket(2, { b: 0 }, []),
    frame(0xa2, [0, 3, 0], 'b'),
    publishPacket({ topic: TOPIC, qos: 1, id: 4, properties: [] }),
  )
  const others = [await listener.nextHex(), await listener.nextHex(), await listener.nextHex()]

  assert.equal(first.length, 1)
  assert.deepEqual(
    others.map((hex) => hex.slice(0, 2)),
    ['90', 'b0', '40'],
  )
})

test('PUBRELs are sent in the order of their PUBRECs [MQTT-4.6.0-4]', async (t) => {
  const { client } = await startServer(t)
  const listener = await client({ clientId: 'listener' })
  await subscribe(listener, { a: 2 })
  const publisher = await client({ clientId: 'publisher' })
  for (const id of [1, 2, 3]) await publish(publisher, { topic: 'a', qos: 2, id })
  await listener.untilPong()

  listener.send(frame(0x50, [0, 3]), frame(0x50, [0, 1]), frame(0x50, [0, 2]))

  assert.deepEqual(await listener.untilPong(), ['62020003', '62020001', '62020002'])
})
