/** A protocol violation ends its connection, and nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../../src/clock.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { silentObserver } from '../../../src/observer.ts'
import { MqttServer } from '../../../src/sources/mqtt-server/mqtt-server.ts'
import { mqttServerOptions } from '../../../src/sources/mqtt-server/options.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { startServer } from '../../support/mqtt/mqtt-server-under-test.ts'
import {
  connectPacket,
  frame,
  PINGREQ,
  publishPacket,
  subscribePacket,
  text,
} from '../../support/mqtt/mqtt-wire.ts'
import { RecordingIntake } from '../../support/mqtt/recording-intake.ts'

const TOPIC = 'iotanalytics/channels/c/messages/binary/put'
const raw = (...bytes: number[]) => Buffer.from(bytes)

const BEFORE_CONNECT: Record<string, Buffer> = {
  'a packet that is not CONNECT [MQTT-3.1.0-1]': PINGREQ,
  'a protocol name nobody has': frame(0x10, 'MQTX', [4, 2, 0, 0], 'c'),
  'the reserved connect flag [MQTT-3.1.2-3]': frame(0x10, 'MQTT', [4, 3, 0, 0], 'c'),
  'will QoS without a will [MQTT-3.1.2-11]': frame(0x10, 'MQTT', [4, 0x0a, 0, 0], 'c'),
  'will QoS 3 [MQTT-3.1.2-14]': frame(0x10, 'MQTT', [4, 0x1e, 0, 0], 'c', 't', 'p'),
  'a password without a user name [MQTT-3.1.2-22]': frame(0x10, 'MQTT', [4, 0x42, 0, 0], 'c', 'p'),
  'bytes after the end': frame(0x10, 'MQTT', [4, 2, 0, 0], 'c', [0]),
  'a client id that is not UTF-8 [MQTT-1.5.3-1]': frame(0x10, 'MQTT', [4, 2, 0, 0, 0, 1, 0xff]),
  'U+0000 in the client id [MQTT-1.5.3-2]': frame(0x10, 'MQTT', [4, 2, 0, 0], 'a\0b'),
  'a surrogate in the client id': frame(0x10, 'MQTT', [4, 2, 0, 0, 0, 3, 0xed, 0xa0, 0x80]),
  'a remaining length of five bytes': raw(0x10, 0xff, 0xff, 0xff, 0xff, 0x01),
  'reserved flags in the first byte [MQTT-2.2.2-2]': frame(0x11, 'MQTT', [4, 2, 0, 0], 'c'),
}

const AFTER_CONNECT: Record<string, Buffer> = {
  'a second CONNECT [MQTT-3.1.0-2]': connectPacket(),
  'PUBLISH with QoS 3 [MQTT-3.3.1-4]': frame(0x36, TOPIC, [0, 1]),
  'PUBLISH with QoS 0 and DUP [MQTT-3.3.1-2]': frame(0x38, TOPIC),
  'PUBLISH with packet id 0 [MQTT-2.3.1-1]': frame(0x32, TOPIC, [0, 0]),
  'PUBLISH to a wildcard [MQTT-3.3.2-2]': frame(0x30, 'a/#'),
  'PUBLISH to nothing [MQTT-4.7.3-1]': frame(0x30, ''),
  'PUBLISH with U+0000 in the topic [MQTT-1.5.3-2]': frame(0x30, 'a\0b'),
  'PUBLISH whose topic runs past its end': raw(0x30, 0x03, 0x00, 0x09, 0x61),
  'PUBLISH without packet id': frame(0x32, 'a'),
  'SUBSCRIBE without filters [MQTT-3.8.3-3]': frame(0x82, [0, 1]),
  'SUBSCRIBE with packet id 0': subscribePacket(0, { a: 0 }),
  'SUBSCRIBE with QoS 3 [MQTT-3-8.3-4]': subscribePacket(1, { a: 3 }),
  'SUBSCRIBE with wrong flags [MQTT-3.8.1-1]': frame(0x80, [0, 1], 'a', [0]),
  'UNSUBSCRIBE without filters [MQTT-3.10.3-2]': frame(0xa2, [0, 1]),
  'PINGREQ with a body': raw(0xc0, 0x01, 0x00),
  'PUBREL with wrong flags [MQTT-3.6.1-1]': frame(0x60, [0, 1]),
  'a packet only servers send': raw(0xd0, 0x00),
  'packet type 0': raw(0x00, 0x00),
  'AUTH without authentication': raw(0xf0, 0x00),
}

for (const [what, bytes] of Object.entries(BEFORE_CONNECT)) {
  test(`before CONNECT, ${what}, closes the connection`, async (t) => {
    const reasons: string[] = []
    const { wire } = await startServer(t, {
      observer: { clientRefused: (_source, _remote, reason) => reasons.push(reason) },
    })
    const client = await wire()

    client.send(bytes)
    const answers = await client.untilClosed()

    assert.deepEqual(answers, [])
    assert.equal(reasons.length, 1)
  })
}

for (const [what, bytes] of Object.entries(AFTER_CONNECT)) {
  test(`${what} closes the connection`, async (t) => {
    const { client, intake } = await startServer(t)
    const device = await client()

    device.send(bytes, publishPacket({ topic: TOPIC }))
    const answers = await device.untilClosed()

    assert.deepEqual(answers, [])
    assert.equal(intake.messages.length, 0)
  })
}

test('an MQTT 5 client is sent the reason in a DISCONNECT', async (t) => {
  const { client } = await startServer(t)
  const cases: [packet: Buffer, code: string][] = [
    [frame(0x36, TOPIC, [0, 1, 0]), '81'],
    [frame(0x30, 'a/#', [0]), '81'],
    [publishPacket({ topic: '', properties: [35, 0, 1] }), '82'],
    [publishPacket({ topic: 'a', properties: [35, 0, 0] }), '94'],
    [publishPacket({ topic: 'a', properties: [35, 0xff, 0xff] }), '94'],
    [publishPacket({ topic: 'a', properties: [1, 0, 1, 0] }), '82'],
    [publishPacket({ topic: 'a', properties: [11, 1] }), '82'],
    [frame(0x30, 'a', [0xff, 0xff, 0xff, 0xff]), '81'],
  ]

  for (const [packet, code] of cases) {
    const device = await client({ clientId: `c${code}`, version: 5 })
    device.send(packet)
    assert.match(
      (await device.untilClosed())[0] ?? '',
      new RegExp(`^e0..${code}`),
      packet.toString('hex'),
    )
  }
})

test('an unknown protocol level is refused with its reason code [MQTT-3.1.2-2]', async (t) => {
  const { wire } = await startServer(t)
  const future = await wire()
  const mistaken = await wire()

  future.send(frame(0x10, 'MQTT', [9, 2, 0, 0], 'c'))
  mistaken.send(frame(0x10, 'MQIsdp', [4, 2, 0, 0], 'c'))

  assert.deepEqual(await future.untilClosed(), ['2003008400'])
  assert.deepEqual(await mistaken.untilClosed(), ['20020001'])
})

test('an empty client id needs a clean session before MQTT 5 [MQTT-3.1.3-8]; MQTT 5 is given one', async (t) => {
  const { wire } = await startServer(t)
  const four = await wire()
  const five = await wire()

  four.send(connectPacket({ clientId: '', isClean: false }))
  five.send(connectPacket({ clientId: '', version: 5 }))

  assert.deepEqual(await four.untilClosed(), ['20020002'])
  assert.match((await five.next())?.toString() ?? '', /auto-[0-9a-f-]{36}/)
})

test('a connection ends after one and a half keep-alive intervals of silence, or without a CONNECT in time', async (t) => {
  const clock = new ManualClock()
  const { wire, client, server } = await startServer(t, { clock })
  const mute = await wire()
  const silent = await client({ clientId: 'silent', version: 5, keepAliveS: 10 })
  const pinging = await client({ clientId: 'pinging', keepAliveS: 10 })
  const endless = await client({ clientId: 'endless' })

  clock.advance(8_000)
  await mute.untilClosed()
  await pinging.untilPong()
  assert.equal(server.connectionCount, 3)
  clock.advance(12_000)
  const last = await silent.untilClosed()

  assert.match(last[0] ?? '', /^e0..8d/)
  assert.deepEqual(await pinging.untilPong(), [])
  assert.deepEqual(await endless.untilPong(), [])
})

test('packets are read the same however their bytes are cut', async (t) => {
  const { wire, intake } = await startServer(t)
  const stream = Buffer.concat([
    connectPacket({ version: 5 }),
    subscribePacket(1, { 'x/#': 0 }, []),
    publishPacket({ topic: TOPIC, payload: 'a', qos: 1, id: 1, properties: [] }),
    publishPacket({
      topic: TOPIC,
      payload: Buffer.alloc(300, 'b'),
      qos: 2,
      id: 2,
      properties: [38, 0, 1, 0x6b, 0, 1, 0x76],
    }),
    frame(0x62, [0, 2]),
    PINGREQ,
  ])
  const kinds = ['20', '90', '40', '50', '70', 'd0']

  for (const size of [1, 2, 3, 5, 7, 100, stream.length]) {
    const client = await wire()
    client.socket.setNoDelay(true)
    for (let at = 0; at < stream.length; at += size) {
      client.socket.write(stream.subarray(at, at + size))
      await new Promise((resolve) => setImmediate(resolve))
    }
    const answers: string[] = []
    while (answers.length < kinds.length) answers.push((await client.nextHex()).slice(0, 2))
    assert.deepEqual(answers.toSorted(), kinds.toSorted(), `in pieces of ${size}`)
    client.socket.destroy()
  }
  assert.equal(intake.messages.length, 14)
})

test('random and mutated bytes never hurt the server', async (t) => {
  const { wire, client } = await startServer(t)
  const session = Buffer.concat([
    connectPacket({ version: 5, will: { topic: 'w', payload: 'x' }, properties: [33, 0, 9] }),
    subscribePacket(1, { 'a/+': 1, '$share/g/b/#': 2 }, [11, 7]),
    publishPacket({
      topic: 'a/b',
      payload: 'x',
      qos: 2,
      id: 1,
      properties: [8, 0, 1, 0x72, 35, 0, 1],
    }),
    frame(0x62, [0, 1]),
    frame(0xa2, [0, 3, 0], 'a/+'),
    frame(0xe0, [0x04, 0]),
  ])
  const mutation = fc.record({
    at: fc.nat(session.length - 1),
    to: fc.integer({ min: 0, max: 255 }),
  })
  const mutated = fc.array(mutation, { minLength: 1, maxLength: 6 }).map((changes) => {
    const bytes = Buffer.from(session)
    for (const { at, to } of changes) bytes[at] = to
    return bytes
  })
  const random = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes))
  const afterConnect = random.map((bytes) => Buffer.concat([connectPacket({ version: 5 }), bytes]))

  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, random, afterConnect), async (bytes) => {
      const attacker = await wire()
      attacker.send(bytes)
      attacker.socket.end()
      await attacker.untilClosed()
    }),
    { numRuns: 400 },
  )
  const device = await client({ clientId: 'after' })
  assert.deepEqual(await device.untilPong(), [])
})

test('a host beyond loopback needs authentication or an explicit setting that it does not', async () => {
  const parts = { observer: silentObserver, clock: systemClock, protectedTopics: [] }
  const open = mqttServerOptions.parse({ host: '0.0.0.0', port: 0 })
  const server = new MqttServer({ ...parts, options: open })

  await assert.rejects(server.start(new RecordingIntake()), (error: unknown) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'InvalidConfiguration')
    assert.match(error.message, /allowAnonymous: true/)
    return true
  })
  const allowed = new MqttServer({ ...parts, options: { ...open, allowAnonymous: true } })
  await allowed.start(new RecordingIntake())
  await allowed.close()
  await allowed.close()
})

test('an error names the port in use and says what to do', async (t) => {
  const { port } = await startServer(t)
  const options = mqttServerOptions.parse({ port })
  const second = new MqttServer({
    options,
    observer: silentObserver,
    clock: systemClock,
    protectedTopics: [],
  })

  await assert.rejects(second.start(new RecordingIntake()), (error: unknown) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'AddressInUse')
    assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}.*another port`))
    return true
  })
  assert.equal(text('a').length, 3)
})
