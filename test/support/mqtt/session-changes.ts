/** Changes to sessions for tests, and the state of a store in a form that is easy to compare. */

import fc from 'fast-check'
import type { SubscriptionOptions } from '../../../src/sources/mqtt-server/packets/subscribe-packet.ts'
import type {
  SessionChange,
  StoredDelivery,
  StoredWill,
} from '../../../src/sources/mqtt-server/sessions/store/session-change.ts'
import type { StoredState } from '../../../src/sources/mqtt-server/sessions/store/session-store.ts'
import type { PersistedMessage } from '../../../src/sources/mqtt-server/topics/persisted-message.ts'

export interface PlainSession {
  readonly userName: string | undefined
  readonly expiryIntervalS: number
  readonly will: string | undefined
  readonly expiresAt: number | undefined
  readonly willDueAt: number
  readonly lastPacketId: number
  readonly subscriptions: Record<string, SubscriptionOptions>
  readonly waiting: string[]
  readonly inflight: string[]
  readonly receivedIds: number[]
}

export interface PlainState {
  readonly sessions: Record<string, PlainSession>
  readonly retained: Record<string, { payload: string; expiresAt: number }>
}

export function messageOf(topic: string, payload: string): PersistedMessage {
  return {
    topic,
    qos: 1,
    retain: false,
    properties: Buffer.from([0]),
    payload: Buffer.from(payload),
    expiresAt: Number.POSITIVE_INFINITY,
  }
}

export function deliveryOf(
  sequence: number,
  message: PersistedMessage,
  qos: 1 | 2 = 1,
): StoredDelivery {
  return { sequence, message, qos, retain: false, identifiers: [] }
}

export function keptIn({ sessions, retained }: StoredState): PlainState {
  return {
    sessions: Object.fromEntries(
      [...sessions].map(([clientId, session]) => [
        clientId,
        {
          userName: session.userName,
          expiryIntervalS: session.expiryIntervalS,
          will: session.will && shown(session.will),
          expiresAt: session.expiresAt,
          willDueAt: session.willDueAt,
          lastPacketId: session.lastPacketId,
          subscriptions: Object.fromEntries(session.subscriptions),
          waiting: [...session.waiting.values()].map(shownDelivery),
          inflight: [...session.inflight].map(
            ([packetId, { delivery, isReleased }]) =>
              `${packetId}: ${shownDelivery(delivery)}${isReleased ? ' released' : ''}`,
          ),
          receivedIds: [...session.receivedIds],
        },
      ]),
    ),
    retained: Object.fromEntries(
      [...retained].map(([topic, { payload, expiresAt }]) => [
        topic,
        { payload: payload.toString(), expiresAt },
      ]),
    ),
  }
}

function shownDelivery({ sequence, message }: StoredDelivery): string {
  return `${sequence} ${shown(message)}`
}

function shown({ topic, payload }: PersistedMessage | StoredWill): string {
  return `${topic}=${payload.toString()}`
}

const clients = fc.constantFrom('one', 'two')
const ids = fc.integer({ min: 1, max: 5 })
/** Changes to two sessions and two topics, in any order. */
export const anyChange: fc.Arbitrary<SessionChange> = fc.oneof(
  clients.map((client) => ({ kind: 'begun', clientId: client, lastPacketId: 0 }) as const),
  fc.record({
    kind: fc.constantFrom('ended', 'willPublished'),
    clientId: clients,
  }),
  fc.record({
    kind: fc.constant('connected'),
    clientId: clients,
    userName: fc.constantFrom(undefined, 'ann'),
    expiryIntervalS: fc.integer({ min: 1, max: 9 }),
    will: fc.option(fc.constant(messageOf('w', 'will')), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant('disconnected'),
    clientId: clients,
    expiresAt: fc.constantFrom(5, Number.POSITIVE_INFINITY),
    willDueAt: fc.constantFrom(7, Number.POSITIVE_INFINITY),
  }),
  fc.record({
    kind: fc.constantFrom('released', 'settled', 'received', 'forgotten'),
    clientId: clients,
    packetId: ids,
  }),
  fc.record({ kind: fc.constant('sent'), clientId: clients, sequence: ids, packetId: ids }),
  fc.record({
    kind: fc.constant('queued'),
    clientId: clients,
    delivery: fc
      .tuple(ids, fc.constantFrom('a', 'b'))
      .map(([sequence, topic]) => deliveryOf(sequence, messageOf(topic, `${sequence}`))),
  }),
  fc.constantFrom('a', 'b').map((topic) => ({ kind: 'unretained', topic }) as const),
  fc
    .constantFrom('a', 'b')
    .map((topic) => ({ kind: 'retained', message: messageOf(topic, 'x') }) as const),
)
