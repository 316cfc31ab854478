/** PUBLISH packets as they go out to subscribers, decoded by mqtt-packet. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IPublishPacket, parser } from 'mqtt-packet'
import type { ProtocolVersion } from '../../../../../src/sources/mqtt-server/packets/protocol.ts'
import {
  encodeManyPublishes,
  type PublishHeader,
} from '../../../../../src/sources/mqtt-server/topics/publication.ts'
import { property } from '../../../../support/mqtt/property.ts'
import { publicationOf } from '../../../../support/mqtt/publications.ts'

const HEADER: PublishHeader = {
  version: 5,
  qos: 0,
  retain: false,
  isDuplicate: false,
  packetId: 0,
  subscriptionIdentifiers: [],
  alias: undefined,
}

function decodedAll(bytes: Buffer, protocolVersion: ProtocolVersion): IPublishPacket[] {
  const packets: IPublishPacket[] = []
  const reader = parser({ protocolVersion })
  reader.on('packet', (packet) => {
    assert.equal(packet.cmd, 'publish')
    if (packet.cmd === 'publish') packets.push(packet)
  })
  reader.on('error', (error) => assert.fail(error))
  assert.equal(reader.parse(bytes), 0)
  return packets
}

function decoded(bytes: Buffer | undefined, protocolVersion: ProtocolVersion): IPublishPacket {
  assert.ok(bytes)
  const [packet, ...others] = decodedAll(bytes, protocolVersion)
  assert.ok(packet)
  assert.deepEqual(others, [])
  return packet
}

test('a plain packet is written once for each version', () => {
  const publication = publicationOf({ topic: 'a/b', payload: 'hello' })

  for (const version of [4, 5] as const) {
    const { topic, payload, qos, retain } = decoded(publication.plain(version, 0), version)
    assert.deepEqual([topic, payload.toString(), qos, retain], ['a/b', 'hello', 0, false])
    assert.equal(publication.plain(version, 0), publication.plain(version, 0))
  }
  assert.equal(publication.plain(3, 0), publication.plain(4, 0))
})

test('a plain packet has the properties of the publisher, for MQTT 5 alone', () => {
  const properties = [...property.contentType('text/plain'), ...property.messageExpiry(10)]
  const publication = publicationOf({ properties, expiresAtMs: 10_000 })

  const { contentType, messageExpiryInterval } =
    decoded(publication.plain(5, 500), 5).properties ?? {}

  assert.deepEqual([contentType, messageExpiryInterval], ['text/plain', 10])
  assert.equal(publication.plain(5, 500), publication.plain(5, 500))
  assert.equal(decoded(publication.plain(4, 500), 4).properties, undefined)
})

test('forgotten packets are written again', () => {
  const publication = publicationOf()
  const before = publication.plain(4, 0)

  publication.forgetPackets()

  assert.notEqual(publication.plain(4, 0), before)
  assert.deepEqual(publication.plain(4, 0), before)
})

test('a packet has the QoS, the flags and the packet id of its subscriber', () => {
  const header = { ...HEADER, qos: 1, packetId: 0x1234, isDuplicate: true, retain: true } as const

  for (const version of [4, 5] as const) {
    const packet = decoded(publicationOf({ qos: 2 }).encode({ ...header, version }, 0), version)
    const { qos, dup, retain, messageId } = packet
    assert.deepEqual([qos, dup, retain, messageId], [1, true, true, 0x1234])
  }
})

const FORWARDED = [
  ...property.userProperty('b', '1'),
  ...property.payloadFormat(true),
  ...property.contentType('text/plain'),
  ...property.userProperty('a', '2'),
  ...property.responseTopic('answers'),
  ...property.correlationData(Buffer.from('7')),
  ...property.userProperty('b', '3'),
]

for (const [name, payload] of [
  ['a short message', 'hello'],
  ['a long message', 'x'.repeat(5_000)],
] as const) {
  test(`properties of the publisher are passed on as they came, without its alias: ${name}`, () => {
    const own = [...property.topicAlias(3), ...property.messageExpiry(9)]
    const properties = [...own, ...FORWARDED]
    const publication = publicationOf({ payload, properties })
    const kept = publicationOf({ payload, properties }).keep()
    const header = { ...HEADER, subscriptionIdentifiers: [300] }

    for (const sent of [publication, kept]) {
      assert.deepEqual(sent.forwardedProperties, Buffer.from([FORWARDED.length, ...FORWARDED]))
      assert.deepEqual(sent.payload, Buffer.from(payload))
      const packet = decoded(sent.encode(header, 0), 5)
      assert.equal(packet.payload.toString(), payload)
      assert.deepEqual(
        { ...packet.properties, userProperties: { ...packet.properties?.userProperties } },
        {
          subscriptionIdentifier: 300,
          payloadFormatIndicator: true,
          contentType: 'text/plain',
          responseTopic: 'answers',
          correlationData: Buffer.from('7'),
          userProperties: { b: ['1', '3'], a: '2' },
        },
      )
      assert.equal(decoded(sent.plain(4, 0), 4).payload.toString(), payload)
    }
  })
}

test('the expiry interval is what is left of it, in seconds and at least 1', () => {
  const publication = publicationOf({ expiresAtMs: 10_000 })
  const leftAt = (nowMs: number) =>
    decoded(publication.encode(HEADER, nowMs), 5).properties?.messageExpiryInterval

  assert.equal(leftAt(0), 10)
  assert.equal(leftAt(3_001), 7)
  assert.equal(leftAt(9_999), 1)
  assert.equal(publication.isExpired(9_999), false)
  assert.equal(publication.isExpired(10_000), true)
})

test('all subscription identifiers are in the packet', () => {
  const header = { ...HEADER, subscriptionIdentifiers: [1, 300] }

  const { properties } = decoded(publicationOf().encode(header, 0), 5)

  assert.deepEqual(properties?.subscriptionIdentifier, [1, 300])
})

test('a topic goes out with its new alias, and a known alias goes out without the topic', () => {
  const publication = publicationOf({ topic: 'a/b' })
  const sent = (isKnown: boolean) => {
    const alias = { number: 7, isKnown }
    const { topic, properties } = decoded(publication.encode({ ...HEADER, alias }, 0), 5)
    return [topic, properties?.topicAlias]
  }

  assert.deepEqual(sent(false), ['a/b', 7])
  assert.deepEqual(sent(true), ['', 7])
})

for (const length of [0, 10, 4_095, 4_096, 200_000]) {
  test(`a kept payload of ${length} bytes does not change with the buffer it came in`, () => {
    const bytes = Buffer.from(Array.from({ length }, (_, i) => i % 251))
    const original = Buffer.from(bytes)
    const publication = publicationOf({ payload: bytes }).keep()

    bytes.fill(0)

    assert.deepEqual(publication.payload, original)
    assert.equal(publication.payloadBytes, length)
    assert.deepEqual(decoded(publication.plain(4, 0), 4).payload, original)
    assert.equal(publication.keep(), publication)
  })
}

test('a waiting message counts with payload, topic and properties', () => {
  const bare = publicationOf({ payload: '' }).heldBytes
  const properties = property.contentType('x'.repeat(97))

  assert.equal(publicationOf({ payload: 'x'.repeat(500) }).heldBytes, bare + 500)
  assert.equal(publicationOf({ payload: '', properties }).heldBytes, bare + 100)
})

test('many messages in one buffer are the same packets, one after another', () => {
  const payloads = ['', 'a', 'x'.repeat(130), 'y'.repeat(20_000)]
  const bytes = Buffer.from(payloads.join(''))
  const ends = new Uint32Array(payloads.length)
  for (let i = 0, end = 0; i < payloads.length; i++) {
    end += payloads[i]?.length ?? 0
    ends[i] = end
  }

  for (const version of [4, 5] as const) {
    const topic = Buffer.from('receipts')
    const packets = decodedAll(
      encodeManyPublishes(version, topic, { count: payloads.length, bytes, ends }),
      version,
    )
    assert.deepEqual(
      packets.map((packet) => [packet.topic, packet.payload.toString()]),
      payloads.map((payload) => ['receipts', payload]),
    )
  }
})
