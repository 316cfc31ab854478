/** Changes to sessions for tests, and the state of a store in a form that is easy to compare. */

import fc from 'fast-check'
import type { SubscriptionOptions } from '../../../src/sources/mqtt-server/packets/subscribe-packet.ts'
import type {
  SessionChange,
  StoredDelivery,
  StoredWill,
} from '../../../src/sources/mqtt-server/sessions/store/session-change.ts'
import type { StoredState } from '../../../src/sources/mqtt-server/sessions/store/session-store.ts'
import type { SessionName } from '../../../src/sources/mqtt-server/sessions/store/sessions-by-name.ts'
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
  /** By client id; those of users by `user/client id`. */
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
      [...sessions.values()].map((session) => [
        session.userName === undefined
          ? session.clientId
          : `${session.userName}/${session.clientId}`,
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

const names = fc.constantFrom<SessionName>(
  { clientId: 'one' },
  { clientId: 'two' },
  { clientId: 'two', userName: 'ann' },
)
const ids = fc.integer({ min: 1, max: 5 })
/** Changes of these fields, each to one of the sessions. */
function named<Fields>(fields: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> }) {
  return fc.tuple(names, fc.record(fields)).map(([name, change]) => ({ ...name, ...change }))
}

/** Changes to three sessions and two topics, in any order. */
export const anyChange: fc.Arbitrary<SessionChange> = fc.oneof(
  names.map((name) => ({ kind: 'begun', ...name, lastPacketId: 0 }) as const),
  named({
    kind: fc.constantFrom('ended', 'willPublished'),
  }),
  named({
    kind: fc.constant('connected'),
    expiryIntervalS: fc.integer({ min: 1, max: 9 }),
    will: fc.option(fc.constant(messageOf('w', 'will')), { nil: undefined }),
  }),
  named({
    kind: fc.constant('disconnected'),
    expiresAt: fc.constantFrom(5, Number.POSITIVE_INFINITY),
    willDueAt: fc.constantFrom(7, Number.POSITIVE_INFINITY),
  }),
  named({
    kind: fc.constantFrom('released', 'settled', 'received', 'forgotten'),
    packetId: ids,
  }),
  named({ kind: fc.constant('dropped'), sequence: ids }),
  named({ kind: fc.constant('sent'), sequence: ids, packetId: ids }),
  named({
    kind: fc.constant('queued'),
    delivery: fc
      .tuple(ids, fc.constantFrom('a', 'b'))
      .map(([sequence, topic]) => deliveryOf(sequence, messageOf(topic, `${sequence}`))),
  }),
  fc.constantFrom('a', 'b').map((topic) => ({ kind: 'unretained', topic }) as const),
  fc
    .constantFrom('a', 'b')
    .map((topic) => ({ kind: 'retained', message: messageOf(topic, 'x') }) as const),
)
