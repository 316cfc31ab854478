/** PUBLISH packets as they go out to subscribers, decoded by mqtt-packet. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IPublishPacket, parser } from 'mqtt-packet'
import type { ProtocolVersion } from '../../../../../src/sources/mqtt-server/packets/protocol.ts'
import {
  encodeManyPublishes,
  type PublishHeader,
} from '../../../../../src/sources/mqtt-server/topics/publication.ts'
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
    const { topic, payload, qos, retain } = decoded(publication.plain(version), version)
    assert.deepEqual([topic, payload.toString(), qos, retain], ['a/b', 'hello', 0, false])
    assert.equal(publication.plain(version), publication.plain(version))
  }
  assert.equal(publication.plain(3), publication.plain(4))
})

test('a message with MQTT 5 properties has a plain packet only for older versions', () => {
  const publication = publicationOf({ properties: { contentType: 'text/plain' } })

  assert.equal(publication.plain(5), undefined)
  assert.equal(decoded(publication.plain(4), 4).properties, undefined)
})

test('forgotten packets are written again', () => {
  const publication = publicationOf()
  const before = publication.plain(4)

  publication.forgetPackets()

  assert.notEqual(publication.plain(4), before)
  assert.deepEqual(publication.plain(4), before)
})

test('a packet has the QoS, the flags and the packet id of its subscriber', () => {
  const header = { ...HEADER, qos: 1, packetId: 0x1234, isDuplicate: true, retain: true } as const

  for (const version of [4, 5] as const) {
    const packet = decoded(publicationOf({ qos: 2 }).encode({ ...header, version }, 0), version)
    const { qos, dup, retain, messageId } = packet
    assert.deepEqual([qos, dup, retain, messageId], [1, true, true, 0x1234])
  }
})

test('properties of the publisher are passed on, but not its alias', () => {
  const publication = publicationOf({
    properties: {
      payloadFormatIndicator: 1,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Buffer.from('7'),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
      ],
      topicAlias: 3,
    },
  })

  const { properties } = decoded(publication.encode(HEADER, 0), 5)

  assert.deepEqual(
    { ...properties, userProperties: { ...properties?.userProperties } },
    {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Buffer.from('7'),
      userProperties: { b: ['1', '3'], a: '2' },
    },
  )
})

test('the expiry interval is what is left of it, in seconds and at least 1', () => {
  const properties = { messageExpiryIntervalS: 10 }
  const publication = publicationOf({ properties, expiresAtMs: 10_000 })
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
    assert.deepEqual(decoded(publication.plain(4), 4).payload, original)
    assert.equal(publication.keep(), publication)
  })
}

test('a waiting message counts with payload, topic and properties', () => {
  const bare = publicationOf({ payload: '' }).heldBytes
  const content = { contentType: 'x'.repeat(100) }

  assert.equal(publicationOf({ payload: 'x'.repeat(500) }).heldBytes, bare + 500)
  assert.equal(publicationOf({ payload: '', properties: content }).heldBytes, bare + 200)
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
