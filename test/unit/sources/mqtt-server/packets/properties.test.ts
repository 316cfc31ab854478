/** The properties of MQTT 5 packets: bounded while they are read, and passed on as they came. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WILL_PROPERTIES } from '../../../../../src/sources/mqtt-server/packets/properties.ts'
import { PacketType, ReasonCode } from '../../../../../src/sources/mqtt-server/packets/protocol.ts'
import { startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import {
  connectPacket,
  frame,
  type MqttWire,
  publishPacket,
  subscribePacket,
  withLength,
} from '../../../../support/mqtt/mqtt-wire.ts'
import { property } from '../../../../support/mqtt/property.ts'
import { propertiesOf } from '../../../../support/mqtt/publications.ts'

const LIMITS = { maxUserProperties: 3, maxUserPropertyBytes: 20 }
const QUOTA_EXCEEDED = 0x97

function many(count: number): number[] {
  return Array.from({ length: count }, () => property.userProperty('a', 'b')).flat()
}

test('user properties are bounded in number and bytes, before their text is looked at', () => {
  const carriers = [...Object.values(PacketType), WILL_PROPERTIES]
  const bad = [38, 0, 1, 0xff, 0, 0]
  for (const carrier of carriers) {
    propertiesOf(many(3), carrier, LIMITS)
    propertiesOf(property.userProperty('x'.repeat(10), 'y'.repeat(10)), carrier, LIMITS)

    for (const [properties, message] of [
      [many(4), 'expected at most 3 user properties, got more'],
      [[...many(3), ...bad], 'expected at most 3 user properties, got more'],
      [
        property.userProperty('x'.repeat(10), 'y'.repeat(11)),
        'expected at most 20 bytes of user properties, got more',
      ],
    ] as const) {
      assert.throws(() => propertiesOf(properties, carrier, LIMITS), {
        reasonCode: ReasonCode.quotaExceeded,
        message,
      })
    }
  }
})

test('a user property with bad text or a wrong length is malformed', () => {
  for (const section of [
    [38, 0, 1, 0xff, 0, 0],
    [38, 0, 0, 0, 1, 0],
    [38, 0, 1, 0x61, 0, 3, 0xed, 0xa0, 0x80],
    [38, 0, 2, 0x61],
    [38, 0, 1, 0x61, 0],
    [38, 0, 1, 0x61],
    [38],
  ]) {
    assert.throws(() => propertiesOf(section), { reasonCode: ReasonCode.malformedPacket })
  }
  propertiesOf(property.userProperty('Größe', '12 µm 🙂'))
})

const MANY = many(101)
const REFUSED: readonly [name: string, packet: Buffer][] = [
  ['PUBLISH', publishPacket({ topic: 'a', properties: MANY })],
  ['SUBSCRIBE', subscribePacket(1, { a: 0 }, MANY)],
  ['UNSUBSCRIBE', frame(0xa2, [0, 1], withLength(MANY), 'a')],
  ['PUBACK', frame(0x40, [0, 1, 0], withLength(MANY))],
  ['PUBREC', frame(0x50, [0, 1, 0], withLength(MANY))],
  ['PUBREL', frame(0x62, [0, 1, 0], withLength(MANY))],
  ['PUBCOMP', frame(0x70, [0, 1, 0], withLength(MANY))],
  ['DISCONNECT', frame(0xe0, [0], withLength(MANY))],
]

for (const [name, packet] of REFUSED) {
  test(`too many user properties in ${name} end the connection, with the reason`, async (t) => {
    const { client } = await startServer(t)
    const device = await client({ version: 5 })

    device.send(packet)

    const disconnect = await device.next()
    assert.deepEqual([disconnect?.[0], disconnect?.[2]], [0xe0, QUOTA_EXCEEDED])
    assert.match(disconnect?.toString() ?? '', /expected at most 100 user properties, got more/)
    assert.equal(await device.next(), undefined)
  })
}

test('a CONNECT with too many user properties, or with a will that has, is refused with a reason', async (t) => {
  const { wire } = await startServer(t)
  const will = { topic: 'w', payload: 'gone', properties: MANY }

  for (const fields of [{ properties: MANY }, { will }]) {
    const device = await wire()
    device.send(connectPacket({ version: 5, ...fields }))
    const connack = await device.next()
    assert.deepEqual([connack?.[0], connack?.[3]], [0x20, QUOTA_EXCEEDED])
    assert.equal(await device.next(), undefined)
  }
})

test('a CONNECT longer than its fields may be ends the connection before it has arrived', async (t) => {
  const refused: string[] = []
  const observer = {
    clientRefused: (_: string, _remote: string, reason: string) => refused.push(reason),
  }
  const { wire, client } = await startServer(t, { observer })
  const large = frame(0x10, 'MQTT', [4, 2, 0, 0], Buffer.alloc(60_000))
  const stranger = await wire()

  stranger.send(large.subarray(0, 10))

  assert.deepEqual(await stranger.untilClosed(), [])
  assert.match(refused.join(), /expected a first packet of at most 5\d{4} bytes, got 60014/)
  // What comes behind CONNECT may be longer.
  const device = await wire()
  device.send(connectPacket(), publishPacket({ topic: 'a', payload: Buffer.alloc(100_000) }))
  assert.equal(await device.nextHex(), '20020000')
  assert.deepEqual(await device.untilPong(), [])
  await client({ clientId: 'c'.repeat(1_000), userName: 'u'.repeat(1_000), password: 'secret' })
})

test('listeners of both versions get user properties as they came, in their order', async (t) => {
  const { client } = await startServer(t)
  const listeners: MqttWire[] = []
  for (const clientId of ['one', 'other']) {
    const listener = await client({ clientId, version: 5 })
    listener.send(subscribePacket(1, { a: 1 }, []))
    await listener.next()
    listeners.push(listener)
  }
  const old = await client({ clientId: 'old' })
  old.send(subscribePacket(1, { a: 0 }))
  await old.next()
  const publisher = await client({ clientId: 'publisher', version: 5 })
  const forwarded = [
    ...property.userProperty('z', '1'),
    ...property.contentType('t'),
    ...property.userProperty('é', '2'),
  ]

  for (const qos of [0, 1] as const) {
    const properties = [...property.topicAlias(1), ...forwarded, ...property.messageExpiry(9)]
    publisher.send(publishPacket({ topic: 'a', payload: 'x', qos, properties }))
    for (const listener of listeners) {
      const sent = [...property.messageExpiry(9), ...forwarded]
      const expected = publishPacket({ topic: 'a', payload: 'x', qos, properties: sent })
      assert.equal(await listener.nextHex(), expected.toString('hex'))
    }
    const plain = publishPacket({ topic: 'a', payload: 'x' })
    assert.equal(await old.nextHex(), plain.toString('hex'))
  }
})
