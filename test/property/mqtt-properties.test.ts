/** Properties of a PUBLISH: what another implementation writes is read and passed on unchanged. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { generate, type IPublishPacket, parser } from 'mqtt-packet'
import { NO_PROPERTY_LIMITS } from '../../src/sources/mqtt-server/packets/properties.ts'
import { ProtocolViolation } from '../../src/sources/mqtt-server/packets/protocol-violation.ts'
import { PublishPacket } from '../../src/sources/mqtt-server/packets/publish-packet.ts'
import { Publication } from '../../src/sources/mqtt-server/topics/publication.ts'
import { propertiesOf } from '../support/mqtt/publications.ts'

const LIMITS = { maxUserProperties: 20, maxUserPropertyBytes: 2_000 }
const HEADER = {
  version: 5,
  qos: 0,
  retain: false,
  isDuplicate: false,
  packetId: 0,
  subscriptionIdentifiers: [],
  alias: undefined,
} as const

const text = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .filter((value) => !/[\p{Cc}\p{Noncharacter_Code_Point}]/u.test(value))
const name = text.filter((value) => value !== '__proto__')
const userProperties = fc.dictionary(
  name,
  fc.oneof(text, fc.array(text, { minLength: 2, maxLength: 4 })),
  {
    minKeys: 1,
    maxKeys: 4,
    noNullPrototype: true,
  },
)
const properties = fc.record(
  {
    payloadFormatIndicator: fc.boolean(),
    messageExpiryInterval: fc.integer({ min: 1, max: 0xffff_ffff }),
    topicAlias: fc.integer({ min: 1, max: 65_535 }),
    responseTopic: fc.constantFrom('a', 'answers/é'),
    correlationData: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
    contentType: text,
    userProperties,
  },
  { requiredKeys: [] },
)

function publicationOf(bytes: Buffer, at = 2): Publication {
  const packet = new PublishPacket()
  packet.read(bytes[0] ?? 0, bytes, bodyStart(bytes, at - 1), bytes.length, 5, NO_PROPERTY_LIMITS)
  const expiryS = packet.properties.messageExpiryIntervalS
  const topic = { name: 'a/b', bytes: Buffer.from('a/b') }
  return new Publication(topic, packet, expiryS === undefined ? undefined : expiryS * 1000)
}

function bodyStart(bytes: Buffer, at: number): number {
  return (bytes[at] ?? 0) < 0x80 ? at + 1 : bodyStart(bytes, at + 1)
}

function decoded(bytes: Buffer): IPublishPacket {
  const packets: IPublishPacket[] = []
  const reader = parser({ protocolVersion: 5 })
  reader.on('packet', (packet) => packet.cmd === 'publish' && packets.push(packet))
  reader.on('error', (error) => assert.fail(error))
  reader.parse(bytes)
  const [packet] = packets
  assert.ok(packet)
  return packet
}

test('whatever properties a message has, listeners get them unchanged, at once and after it was kept', () => {
  const payloads = fc.uint8Array({ maxLength: 5_000 }).map((bytes) => Buffer.from(bytes))
  fc.assert(
    fc.property(properties, payloads, (sent, payload) => {
      const bytes = generate(
        {
          cmd: 'publish',
          topic: 'a/b',
          payload,
          qos: 0,
          dup: false,
          retain: false,
          properties: sent,
        },
        { protocolVersion: 5 },
      )
      const { topicAlias: _, ...forwarded } = decoded(bytes).properties ?? {}

      const now = publicationOf(bytes)
      const kept = publicationOf(bytes).keep()
      for (const publication of [now, kept]) {
        const packet = decoded(publication.encode(HEADER, 0))
        assert.deepEqual({ ...packet.properties }, { ...forwarded })
        assert.deepEqual(packet.payload, payload)
      }
    }),
  )
})

test('any bytes in place of properties are read or refused as a violation, within their bounds', () => {
  const ids = fc.constantFrom(1, 2, 3, 8, 9, 11, 24, 35, 38, 38, 38, 38)
  const value = fc.oneof(
    fc.uint8Array({ maxLength: 6 }).map((bytes) => [...bytes]),
    fc.uint8Array({ maxLength: 30 }).map((bytes) => [0, bytes.length, ...bytes]),
    fc.constant([0, 1, 0x61, 0, 1, 0x62]),
  )
  const section = fc.array(fc.tuple(ids, value), { maxLength: 40 })
  const carriers = fc.integer({ min: 0, max: 15 })
  fc.assert(
    fc.property(section, carriers, (parts, carrier) => {
      const bytes = parts.flatMap(([id, rest]) => [id, ...rest])
      try {
        const { forwarded } = propertiesOf(bytes, carrier, LIMITS)
        assert.ok((forwarded?.length ?? 0) <= bytes.length)
      } catch (error) {
        assert.ok(error instanceof ProtocolViolation, String(error))
      }
    }),
    { numRuns: 1_000 },
  )
})
