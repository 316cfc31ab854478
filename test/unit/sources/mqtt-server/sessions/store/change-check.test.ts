import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SessionChange } from '../../../../../../src/sources/mqtt-server/sessions/store/session-change.ts'
import {
  SessionChangeReader,
  SessionChangeWriter,
} from '../../../../../../src/sources/mqtt-server/sessions/store/session-change-format.ts'
import { SessionStates } from '../../../../../../src/sources/mqtt-server/sessions/store/session-states.ts'
import { anyChange, deliveryOf, messageOf } from '../../../../../support/mqtt/session-changes.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 300)
const clientId = 'c'

function encoded(change: SessionChange): Buffer {
  return Buffer.from(new SessionChangeWriter().encode(change))
}

/** An options record with everything off. */
const PLAIN = { qos: 1, noLocal: false, retainAsPublished: false, identifier: undefined } as const

test('a change of a right form that no client can have caused is not read', () => {
  const will = messageOf('w', 'will')
  const wrong: SessionChange[] = [
    ...['', 'a#', 'a/+b', '$share/g', '$share/+/a'].map(
      (filter) => ({ kind: 'subscribed', clientId, filter, options: PLAIN }) as const,
    ),
    { kind: 'subscribed', clientId, filter: 'a', options: { ...PLAIN, identifier: 2 ** 31 } },
    ...['', 'a/#', '+'].map(
      (topic) => ({ kind: 'retained', message: messageOf(topic, '') }) as const,
    ),
    { kind: 'retained', message: { ...messageOf('a', ''), properties: Buffer.from([9, 1, 2]) } },
    { kind: 'retained', message: { ...messageOf('a', ''), properties: Buffer.alloc(0) } },
    { kind: 'retained', message: { ...messageOf('a', ''), expiresAt: Number.NaN } },
    { kind: 'connected', clientId, expiryIntervalS: 1, will: { ...will, topic: '#' } },
    {
      kind: 'connected',
      clientId,
      expiryIntervalS: 1,
      will: { ...will, properties: Buffer.from([2, 1, 9]) },
    },
    { kind: 'disconnected', clientId, expiresAt: Number.NaN, willDueAt: 0 },
    { kind: 'queued', clientId, delivery: deliveryOf(0.5, messageOf('a', '')) },
    {
      kind: 'queued',
      clientId,
      delivery: { ...deliveryOf(1, messageOf('a', '')), identifiers: [0] },
    },
    { kind: 'sent', clientId, sequence: -1, packetId: 1 },
    { kind: 'received', clientId, packetId: 0 },
  ]

  for (const change of wrong) {
    const decode = () => [...new SessionChangeReader().decode(encoded(change))]
    assert.throws(decode, /expected|ends in the middle|may not be/, JSON.stringify(change))
  }
})

test('whatever the bytes of a record are, it is read or refused with an error, and the state holds', () => {
  const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) })
  const record = fc.tuple(anyChange, fc.array(mutation, { maxLength: 4 }))
  fc.assert(
    fc.property(fc.array(record, { maxLength: 30 }), (records) => {
      const writer = new SessionChangeWriter()
      const reader = new SessionChangeReader()
      const states = new SessionStates(100_000)
      for (const [change, mutations] of records) {
        const bytes = Buffer.from(writer.encode(change))
        for (const { at, byte } of mutations) bytes[at % bytes.length] = byte
        try {
          for (const one of reader.decode(bytes)) states.apply(one)
        } catch (error) {
          assert.ok(error instanceof Error && !(error instanceof TypeError), String(error))
        }
      }
      assert.ok(states.bytes >= 0 && states.bytes <= 100_000)
      const again = new SessionStates(100_000)
      const copy = new SessionChangeWriter()
      const copies = new SessionChangeReader()
      for (const change of states.changes()) {
        for (const one of copies.decode(Buffer.from(copy.encode(change)))) again.apply(one)
      }
      assert.deepEqual(again.sessions.size, states.sessions.size)
      assert.deepEqual(again.retained, states.retained)
    }),
    { numRuns: RUNS },
  )
})
