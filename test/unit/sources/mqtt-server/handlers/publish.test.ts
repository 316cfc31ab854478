/** Messages that clients publish: taken in, acknowledged when durable, refused with a reason. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { MAX_PAYLOAD_BYTES } from '../../../../../src/message.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { STATUS_TOPIC, startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import {
  connectPacket,
  frame,
  publishPacket,
  subscribePacket,
} from '../../../../support/mqtt/mqtt-wire.ts'
import { property } from '../../../../support/mqtt/property.ts'
import { RecordingIntake } from '../../../../support/mqtt/recording-intake.ts'

const TOPIC = 'iotanalytics/channels/c/messages/binary/put'
const FULL = { error: 'QueueFull', message: 'the queue of channel c is full' }

test('a QoS 1 message is acknowledged when its cycle is committed, not before', async (t) => {
  const { client, intake } = await startServer(t, { intake: new RecordingIntake() })
  const device = await client()

  device.send(publishPacket({ topic: TOPIC, payload: 'a', qos: 1, id: 7 }))
  await intake.taken(1)
  const before = await device.untilPong()
  intake.commit()
  const after = await device.nextHex()

  assert.deepEqual(before, [])
  assert.equal(after, '40020007')
  assert.deepEqual(
    intake.messages.map(({ topic, payload }) => [topic, payload.toString()]),
    [[TOPIC, 'a']],
  )
})

test('bytes of a steady sender are read when the collecting cycle closes; other senders are read at once', async (t) => {
  const { client, intake } = await startServer(t, { intake: new RecordingIntake() })
  const [steady, other] = [
    await client({ clientId: 'steady' }),
    await client({ clientId: 'other' }),
  ]
  intake.close()
  intake.isCollecting = true
  for (const taken of [1, 2]) {
    steady.send(publishPacket({ topic: TOPIC, payload: 'a', qos: 1, id: taken }))
    await intake.taken(taken)
  }

  for (const id of [3, 4, 5]) steady.send(publishPacket({ topic: TOPIC, qos: 1, id }))
  const pongs = await other.untilPong()
  const meanwhile = intake.messages.length
  const isAnyLeft = intake.close()
  await intake.taken(5)

  assert.deepEqual([pongs, meanwhile, isAnyLeft], [[], 2, true])
  assert.equal(intake.close(), false)
})

test('a sender that waits for each acknowledgement is always read', async (t) => {
  const { client, intake } = await startServer(t, { intake: new RecordingIntake() })
  const device = await client()
  intake.close()
  intake.isCollecting = true

  for (const id of [1, 2, 3, 4]) {
    device.send(publishPacket({ topic: TOPIC, qos: 1, id }))
    await intake.taken(id)
    intake.close()
    intake.commit()
    await device.next()
    intake.isCollecting = true
  }

  assert.equal(intake.close(), false)
})

test('acknowledgements of one commit leave together, in the order of the messages [MQTT-4.6.0-2]', async (t) => {
  const { client, intake } = await startServer(t, { intake: new RecordingIntake() })
  const device = await client()
  const chunks: string[] = []
  device.socket.on('data', (chunk: Buffer) => chunks.push(chunk.toString('hex')))

  device.send(
    publishPacket({ topic: TOPIC, qos: 1, id: 1 }),
    publishPacket({ topic: TOPIC, qos: 2, id: 2 }),
    publishPacket({ topic: TOPIC, qos: 1, id: 3 }),
  )
  await intake.taken(3)
  intake.commit()
  await device.next()

  assert.deepEqual(chunks, ['400200015002000240020003'])
})

test('a commit releases acknowledgements of its own cycle and earlier ones, not of later ones', async (t) => {
  const { client, intake } = await startServer(t, { intake: new RecordingIntake() })
  const device = await client()

  device.send(publishPacket({ topic: TOPIC, qos: 1, id: 1 }))
  await intake.taken(1)
  const first = intake.beginNextCycle()
  device.send(publishPacket({ topic: TOPIC, qos: 1, id: 2 }))
  await intake.taken(2)
  intake.report(first)

  assert.deepEqual(await device.untilPong(), ['40020001'])
  intake.commit()
  assert.equal(await device.nextHex(), '40020002')
})

test('a message that is refused permanently is acknowledged: in MQTT 5 with code and reason, before without', async (t) => {
  const intake = new RecordingIntake({ refuse: () => FULL })
  const { client } = await startServer(t, { intake })
  const five = await client({ clientId: 'five', version: 5 })
  const quiet = await client({
    clientId: 'quiet',
    version: 5,
    properties: property.requestProblemInformation(false),
  })
  const four = await client({ clientId: 'four' })

  five.send(publishPacket({ topic: TOPIC, qos: 1, id: 1, properties: [] }))
  quiet.send(publishPacket({ topic: TOPIC, qos: 2, id: 1, properties: [] }))
  four.send(publishPacket({ topic: TOPIC, qos: 1, id: 1 }))

  const puback = await five.next()
  assert.equal(puback?.[0], 0x40)
  assert.equal(puback?.[4], 0x97)
  assert.match(puback?.toString() ?? '', /the queue of channel c is full/)
  // [MQTT-3.1.2-29]: without request problem information there is no reason string.
  assert.equal(await quiet.nextHex(), '5003000197')
  assert.equal(await four.nextHex(), '40020001')
})

test('a QoS 2 message is taken once, however often it comes before its PUBREL [MQTT-4.3.3-2]', async (t) => {
  const { client, intake } = await startServer(t)
  const device = await client()
  const packet = { topic: TOPIC, payload: 'once', qos: 2, id: 9 } as const

  device.send(publishPacket(packet))
  assert.equal(await device.nextHex(), '50020009')
  device.send(publishPacket({ ...packet, isDuplicate: true }))
  assert.equal(await device.nextHex(), '50020009')
  device.send(frame(0x62, [0, 9]))
  assert.equal(await device.nextHex(), '70020009')
  device.send(publishPacket(packet))
  assert.equal(await device.nextHex(), '50020009')

  assert.equal(intake.messages.length, 2)
})

test('a QoS 2 message sent again over a new connection still waits for its commit', async (t) => {
  const { client, intake } = await startServer(t, { intake: new RecordingIntake() })
  const fields = { clientId: 'roaming', isClean: false }
  const packet = { topic: TOPIC, qos: 2, id: 9 } as const
  const first = await client(fields)
  first.send(publishPacket(packet))
  await intake.taken(1)
  first.socket.destroy()

  const second = await client(fields)
  second.send(publishPacket({ ...packet, isDuplicate: true }))
  const before = await second.untilPong()
  intake.commit()

  assert.deepEqual(before, [])
  assert.equal(await second.nextHex(), '50020009')
  assert.equal(intake.messages.length, 1)
})

test('only the connector publishes to its status topic', async (t) => {
  const dropped: string[] = []
  const { client, intake } = await startServer(t, {
    observer: { messageDropped: (_channel, code) => dropped.push(code) },
  })
  const listener = await client({ clientId: 'listener' })
  listener.send(subscribePacket(1, { [STATUS_TOPIC]: 0 }))
  await listener.next()
  const five = await client({ clientId: 'five', version: 5 })
  const four = await client({ clientId: 'four' })

  five.send(publishPacket({ topic: STATUS_TOPIC, qos: 1, id: 1, properties: [] }))
  four.send(publishPacket({ topic: STATUS_TOPIC, qos: 1, id: 1 }))

  assert.equal((await five.next())?.[4], 0x87)
  assert.equal(await four.nextHex(), '40020001')
  assert.deepEqual(dropped, ['NotAuthorized', 'NotAuthorized'])
  assert.deepEqual(await listener.untilPong(), [])
  assert.equal(intake.messages.length, 0)
})

test('MQTT 5: PUBACK says if a message has no subscriber; response topic and correlation data are passed on', async (t) => {
  const { client, intake } = await startServer(t)
  const device = await client({ version: 5 })
  const responseTopic = property.responseTopic('r/')
  const correlation = property.correlationData(Buffer.from([0xca, 0xfe]))

  device.send(publishPacket({ topic: 'nobody', qos: 1, id: 1, properties: [] }))
  const puback = await device.next()
  device.send(
    publishPacket({ topic: TOPIC, qos: 1, id: 2, properties: [...responseTopic, ...correlation] }),
  )
  await intake.taken(1)

  assert.equal(puback?.[4], 0x10)
  assert.equal(intake.messages[0]?.reply?.topic, 'r/')
  assert.equal(intake.messages[0]?.reply?.correlation?.toString('hex'), 'cafe')
})

test('a topic alias stands for the topic it was given with [MQTT-3.3.2-12]', async (t) => {
  const { client, intake } = await startServer(t)
  const device = await client({ version: 5 })
  const alias = [35, 0, 5]

  device.send(
    publishPacket({ topic: TOPIC, payload: 'a', properties: alias }),
    publishPacket({ topic: '', payload: 'b', properties: alias }),
  )
  await intake.taken(2)

  assert.deepEqual(
    intake.messages.map(({ topic }) => topic),
    [TOPIC, TOPIC],
  )
})

test('topics and payloads over the limits are refused by their limits', async (t) => {
  const { client, intake } = await startServer(t)
  const device = await client({ version: 5 })
  const longest = `iotanalytics/${'x'.repeat(256 - 13)}`
  const atLimit = Buffer.alloc(MAX_PAYLOAD_BYTES, 1)

  device.send(publishPacket({ topic: `${longest}x`, qos: 1, id: 1, properties: [] }))
  const tooLong = await device.next()
  device.send(publishPacket({ topic: longest, qos: 1, id: 2, payload: atLimit, properties: [] }))
  const fits = await device.nextHex()
  device.send(publishPacket({ topic: TOPIC, payload: Buffer.alloc(300_000) }))
  const last = await device.untilClosed()

  assert.equal(tooLong?.[4], 0x90)
  assert.equal(fits, '40020002')
  assert.equal(intake.messages.length, 1)
  // DISCONNECT, packet too large
  assert.match(last[0] ?? '', /^e0..95/)
})

test('while commits are behind, messages wait, pings are answered, and nothing is lost', async (t) => {
  const intake = new RecordingIntake()
  const { client } = await startServer(t, { intake, limits: { maxHeldBytes: 4_096 } })
  const device = await client()
  const payload = Buffer.alloc(500, 'x')
  intake.isSaturated = true

  device.send(...[1, 2, 3].map((id) => publishPacket({ topic: TOPIC, payload, qos: 1, id })))
  const whileBehind = await device.untilPong()
  const more = Array.from({ length: 1_000 }, (_, i) =>
    publishPacket({ topic: TOPIC, payload, qos: 1, id: i + 4 }),
  )
  device.send(...more)
  device.send(publishPacket({ topic: TOPIC, payload: 'last' }))
  device.socket.end()

  assert.deepEqual(whileBehind, [])
  assert.equal(intake.messages.length, 0)
  intake.isSaturated = false
  intake.commit()
  await intake.taken(1_004)
  assert.equal(intake.messages.at(-1)?.payload.toString(), 'last')
})

test('after stopIntake nothing more is taken, while acknowledgements still go out', async (t) => {
  const intake = new RecordingIntake()
  const { client, server } = await startServer(t, { intake })
  const device = await client()
  device.send(publishPacket({ topic: TOPIC, qos: 1, id: 1 }))
  await intake.taken(1)

  await server.stopIntake()
  device.send(publishPacket({ topic: TOPIC, qos: 1, id: 2 }))
  const between = await device.untilPong()
  intake.commit()

  assert.deepEqual(between, [])
  assert.equal(await device.nextHex(), '40020001')
  assert.equal(intake.messages.length, 1)
})

test('a client that comes back while its messages are deferred leaves no connection behind', async (t) => {
  const intake = new RecordingIntake()
  const { client, server } = await startServer(t, { intake })
  intake.isSaturated = true
  const first = await client({ clientId: 'same' })
  first.send(publishPacket({ topic: TOPIC, qos: 1, id: 1 }))
  await first.untilPong()
  first.socket.end()
  await first.untilClosed()

  const second = await client({ clientId: 'same' })

  await second.untilPong()
  assert.equal(server.connectionCount, 1)
})

test('a client that accepts no packet as long as CONNACK is rejected and leaves no session', async (t) => {
  const { wire, server } = await startServer(t)
  const client = await wire()

  client.send(
    connectPacket({
      version: 5,
      properties: [...property.maximumPacketSize(2), ...property.sessionExpiry(9)],
    }),
  )

  assert.deepEqual(await client.untilClosed(), [])
  while (server.connectionCount > 0) await setImmediate()
})

test('an exception in the intake ends one connection and no other', async (t) => {
  const intake = new RecordingIntake({
    refuse: (_topic, payload) => {
      if (payload.includes('boom')) throw new Error('a fault')
      return undefined
    },
  })
  const { client } = await startServer(t, { intake })
  const unlucky = await client({ clientId: 'unlucky', version: 5 })
  const other = await client({ clientId: 'other' })

  unlucky.send(publishPacket({ topic: TOPIC, payload: 'boom', properties: [] }))

  assert.match((await unlucky.untilClosed())[0] ?? '', /^e0..80/)
  assert.deepEqual(await other.untilPong(), [])
})

test('three hundred silent connections are closed after the time for CONNECT', async (t) => {
  const clock = new ManualClock()
  const { wire, client, server } = await startServer(t, { clock })
  const device = await client()
  const silent = await Promise.all(Array.from({ length: 300 }, () => wire()))
  for (const one of silent) one.send(Buffer.from([0x10, 0x7f]))
  while (server.connectionCount < 301) await setImmediate()

  clock.advance(7_000)
  await Promise.all(silent.map((one) => one.untilClosed()))

  assert.deepEqual(await device.untilPong(), [])
})
