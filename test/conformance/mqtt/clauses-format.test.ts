/**
 * The clauses about the format of packets: text, flags, packet identifiers, lengths (chapters 1 and
 * 2).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LIMITS } from '../../../src/sources/mqtt-server/limits/limits.ts'
import { Owner } from '../../../src/sources/mqtt-server/limits/owner.ts'
import {
  OutgoingQueue,
  QueueTotal,
} from '../../../src/sources/mqtt-server/sessions/outgoing-queue.ts'
import { Publication } from '../../../src/sources/mqtt-server/topics/publication.ts'
import { startServer } from '../../support/mqtt/mqtt-server-under-test.ts'
import { frame, publishPacket, subscribePacket } from '../../support/mqtt/mqtt-wire.ts'

const TOPIC = 'iotanalytics/channels/c/messages/binary/put'

/** Length and bytes of strings that are not valid UTF-8. */
const NO_TEXT: Record<string, number[]> = {
  'a byte that begins nothing': [0, 1, 0xff],
  'a surrogate': [0, 3, 0xed, 0xa0, 0x80],
  'an overlong U+0000': [0, 2, 0xc0, 0x80],
  'a character cut short': [0, 2, 0xe2, 0x82],
  'a code point beyond U+10FFFF': [0, 4, 0xf4, 0x90, 0x80, 0x80],
  'U+0000': [0, 1, 0],
}

const CONNECT_FIELDS: Record<string, (text: number[]) => Buffer> = {
  'the client id': (text) => frame(0x10, 'MQTT', [4, 2, 0, 0], text),
  'the will topic': (text) => frame(0x10, 'MQTT', [4, 6, 0, 0], 'c', text, 'p'),
  'the user name': (text) => frame(0x10, 'MQTT', [4, 0x82, 0, 0], 'c', text),
  'the protocol name': (text) => frame(0x10, text, [4, 2, 0, 0], 'c'),
}

const FIELDS_OF_FOUR: Record<string, (text: number[]) => Buffer> = {
  'the topic of PUBLISH': (text) => frame(0x30, text),
  'the filter of SUBSCRIBE': (text) => frame(0x82, [0, 1], text, [0]),
  'the filter of UNSUBSCRIBE': (text) => frame(0xa2, [0, 1], text),
}

const withProperty = (...bytes: number[]) => frame(0x30, 'a', [bytes.length, ...bytes])
const FIELDS_OF_FIVE: Record<string, (text: number[]) => Buffer> = {
  'the topic': (text) => frame(0x30, text, [0]),
  'the filter': (text) => frame(0x82, [0, 1, 0], text, [0]),
  'the response topic': (text) => withProperty(8, ...text),
  'the content type': (text) => withProperty(3, ...text),
  'the name of a user property': (text) => withProperty(38, ...text, 0, 1, 0x76),
  'the value of a user property': (text) => withProperty(38, 0, 1, 0x6e, ...text),
  'the reason string of PUBACK': (text) => frame(0x40, [0, 1, 0, text.length + 1, 31, ...text]),
}

test('invalid UTF-8 closes the connection, in every field of CONNECT', async (t) => {
  const { wire } = await startServer(t)

  for (const [field, packet] of Object.entries(CONNECT_FIELDS)) {
    for (const [what, text] of Object.entries(NO_TEXT)) {
      const client = await wire()
      client.send(packet(text))
      assert.deepEqual(await client.untilClosed(), [], `${what} in ${field}`)
    }
  }
})

test('invalid UTF-8 closes the connection, in every field of the packets after CONNECT', async (t) => {
  const { client, intake } = await startServer(t)

  for (const [version, fields] of [
    [4, FIELDS_OF_FOUR],
    [5, FIELDS_OF_FIVE],
  ] as const) {
    for (const [field, packet] of Object.entries(fields)) {
      for (const [what, text] of Object.entries(NO_TEXT)) {
        const device = await client({ version })
        device.send(packet(text), publishPacket({ topic: TOPIC }))
        const answers = await device.untilClosed()
        assert.equal(answers.length, version === 5 ? 1 : 0, `${what} in ${field}`)
        if (version === 5) assert.match(answers[0] ?? '', /^e0..8[12]/, `${what} in ${field}`)
      }
    }
  }
  assert.equal(intake.messages.length, 0)
})

test('U+FEFF is a character like any other and is not stripped', async (t) => {
  const { client } = await startServer(t)
  const listener = await client({ clientId: 'listener' })
  listener.send(subscribePacket(1, { '\ufeffa': 0 }))
  await listener.next()
  const publisher = await client({ clientId: 'publisher' })

  publisher.send(
    publishPacket({ topic: 'a', payload: 'x' }),
    publishPacket({ topic: '\ufeffa', payload: 'y' }),
  )
  await publisher.untilPong()

  assert.deepEqual(await listener.untilPong(), ['30070004' + 'efbbbf61' + '79'])
})

test('wrong flags in the first byte close the connection, for every packet a client may send', async (t) => {
  const { client, intake } = await startServer(t)
  const bodies: Record<number, [right: number, body: number[]]> = {
    4: [0, [0, 1]],
    5: [0, [0, 1]],
    6: [2, [0, 1]],
    7: [0, [0, 1]],
    8: [2, [0, 1, 0, 1, 0x61, 0]],
    10: [2, [0, 1, 0, 1, 0x61]],
    12: [0, []],
    14: [0, []],
  }

  for (const [type, [right, body]] of Object.entries(bodies)) {
    for (let flags = 0; flags < 16; flags++) {
      if (flags === right) continue
      const device = await client()
      device.send(frame((Number(type) << 4) | flags, body), publishPacket({ topic: TOPIC }))
      assert.deepEqual(await device.untilClosed(), [], `type ${type} with flags ${flags}`)
    }
  }
  assert.equal(intake.messages.length, 0)
})

test('a packet that only servers send closes the connection', async (t) => {
  const { client } = await startServer(t)

  for (const first of [0x20, 0x90, 0xb0, 0xd0]) {
    const four = await client({ clientId: 'four' })
    const five = await client({ clientId: 'five', version: 5 })
    four.send(frame(first, [0, 1, 0]))
    five.send(frame(first, [0, 1, 0]))
    assert.deepEqual(await four.untilClosed(), [])
    assert.match((await five.untilClosed())[0] ?? '', /^e0..82/)
  }
})

test('an answer carries the packet id of its request', async (t) => {
  const { client } = await startServer(t)
  const four = await client({ clientId: 'four' })
  const five = await client({ clientId: 'five', version: 5 })

  four.send(
    subscribePacket(0x1234, { a: 1 }),
    frame(0xa2, [0x23, 0x45], 'a'),
    publishPacket({ topic: TOPIC, qos: 1, id: 0x3456 }),
  )
  const atFour = [await four.nextHex(), await four.nextHex(), await four.nextHex()]
  four.send(publishPacket({ topic: TOPIC, qos: 2, id: 0xffff }))
  atFour.push(await four.nextHex())
  four.send(frame(0x62, [0xff, 0xff]))
  atFour.push(await four.nextHex())
  five.send(
    subscribePacket(0x1234, { a: 1 }, []),
    frame(0xa2, [0x23, 0x45, 0], 'a'),
    frame(0xa2, [0x23, 0x46, 0], 'a'),
  )

  assert.deepEqual(atFour, ['9003123401', 'b0022345', '40023456', '5002ffff', '7002ffff'])
  // without properties their length is still there, and 0 [MQTT-2.2.2-1]
  assert.deepEqual(await five.untilPong(), ['900412340001', 'b00423450000', 'b00423460011'])
})

test('the server’s packet ids are never 0 and never in use, also after they wrap around', () => {
  const queue = new OutgoingQueue(
    DEFAULT_LIMITS,
    new QueueTotal(DEFAULT_LIMITS),
    new Owner(undefined),
  )
  const topic = {
    name: 'a',
    bytes: Buffer.from('a'),
    route: undefined,
    isProtected: false,
    isTooLong: false,
    audience: undefined,
    audienceVersion: -1,
  }
  const envelope = {
    bytes: Buffer.from('x'),
    payloadStart: 0,
    end: 1,
    qos: 1,
    retain: false,
    properties: {},
  } as const
  const delivery = {
    sequence: 0,
    publication: new Publication(topic, envelope, undefined),
    qos: 1,
    retain: false,
    identifiers: [],
  } as const
  const send = () => {
    queue.offer(delivery)
    const taken = queue.take(0)
    assert.ok(taken !== undefined)
    return queue.send(taken)
  }
  const kept = new Set([send(), send()])

  for (let i = 0; i < 70_000; i++) {
    const id = send()
    assert.ok(id > 0 && id <= 65_535 && !kept.has(id))
    queue.complete(id)
  }

  assert.equal(queue.inflightCount, 2)
})

test('lengths are encoded in as few bytes as possible', async (t) => {
  const { client } = await startServer(t)
  const listener = await client({ clientId: 'listener' })
  listener.send(subscribePacket(1, { a: 0 }))
  await listener.next()
  const publisher = await client({ clientId: 'publisher' })

  // three bytes are the topic; the rest decides how many bytes the length takes
  for (const [payloadBytes, length] of [
    [124, '7f'],
    [125, '8001'],
    [16_380, 'ff7f'],
    [16_381, '808001'],
  ] as const) {
    publisher.send(publishPacket({ topic: 'a', payload: Buffer.alloc(payloadBytes, 'x') }))
    const packet = await listener.nextHex()
    assert.ok(packet.startsWith(`30${length}000161`), packet.slice(0, 20))
  }
})

test('a PUBLISH of QoS 0 has no packet id, in either direction', async (t) => {
  const { client } = await startServer(t)
  const device = await client({ version: 5 })

  device.send(
    subscribePacket(1, { '#': 2 }, []),
    publishPacket({ topic: 'a', payload: 'xy', properties: [] }),
  )

  assert.deepEqual(await device.untilPong(), ['900400010002', '3006000161' + '00' + '7879'])
})

test('an unknown protocol name is not answered as MQTT', async (t) => {
  const { wire, intake } = await startServer(t)
  const other = await wire()

  other.send(frame(0x10, 'HTTP', [4, 2, 0, 0], 'c'), publishPacket({ topic: TOPIC }))

  assert.deepEqual(await other.untilClosed(), [])
  assert.equal(intake.messages.length, 0)
})
