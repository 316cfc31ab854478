/** Changes to sessions for tests, and what a store keeps of them in a form that compares well. */
import type { KeptSessions } from '../../src/sources/mqtt-server/session-store/kept-sessions.ts'
import type {
  StoredDelivery,
  StoredMessage,
  StoredWill,
} from '../../src/sources/mqtt-server/session-store/session-store.ts'
import type { SubscriptionOptions } from '../../src/sources/mqtt-server/subscriptions.ts'

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

export function messageOf(topic: string, payload: string): StoredMessage {
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
  message: StoredMessage,
  qos: 1 | 2 = 1,
): StoredDelivery {
  return { sequence, message, qos, retain: false, identifiers: [] }
}

export function keptIn({ sessions, retained }: KeptSessions): PlainState {
  return {
    sessions: Object.fromEntries(
      [...sessions].map(([clientId, session]) => [
        clientId,
        {
          userName: session.userName,
          expiryIntervalS: session.expiryIntervalS,
          will: session.will && told(session.will),
          expiresAt: session.expiresAt,
          willDueAt: session.willDueAt,
          lastPacketId: session.lastPacketId,
          subscriptions: Object.fromEntries(session.subscriptions),
          waiting: [...session.waiting.values()].map(toldDelivery),
          inflight: [...session.inflight].map(
            ([packetId, { delivery, isReleased }]) =>
              `${packetId}: ${toldDelivery(delivery)}${isReleased ? ' released' : ''}`,
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

function toldDelivery({ sequence, message }: StoredDelivery): string {
  return `${sequence} ${told(message)}`
}

function told({ topic, payload }: StoredMessage | StoredWill): string {
  return `${topic}=${payload.toString()}`
}
