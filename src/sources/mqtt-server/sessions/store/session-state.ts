/** One session as the store keeps it, and an upper bound of the bytes it takes in the log. */

import type { SubscriptionOptions } from '../../packets/subscribe-packet.ts'
import type { PersistedMessage } from '../../topics/persisted-message.ts'
import type { SessionChange, StoredDelivery, StoredWill } from './session-change.ts'
import type { SessionName } from './sessions-by-name.ts'

export interface InflightState {
  readonly delivery: StoredDelivery
  isReleased: boolean
}

export interface SessionState {
  readonly clientId: string
  readonly userName: string | undefined
  /** Bytes of the client id and the user, which are part of every change. */
  readonly nameBytes: number
  expiryIntervalS: number
  will: StoredWill | undefined
  /** Undefined while the client is connected. */
  expiresAt: number | undefined
  willDueAt: number
  lastPacketId: number
  readonly subscriptions: Map<string, SubscriptionOptions>
  /** Keyed by sequence. */
  readonly waiting: Map<number, StoredDelivery>
  /** Keyed by packet id, in the order in which they were sent. */
  readonly inflight: Map<number, InflightState>
  readonly receivedIds: Set<number>
  /** An upper bound of its bytes in the log. */
  bytes: number
}

const SUBSCRIPTION_BYTES = 48
const DELIVERY_BYTES = 96
const ID_BYTES = 48

/** The smallest number of changes that produce the session. */
export function* changesOf(session: SessionState): Generator<SessionChange> {
  const { clientId, userName, lastPacketId, expiryIntervalS, will, expiresAt, willDueAt } = session
  const name = { clientId, userName }
  yield { kind: 'begun', ...name, lastPacketId }
  yield { kind: 'connected', ...name, expiryIntervalS, will }
  for (const [filter, options] of session.subscriptions) {
    yield { kind: 'subscribed', ...name, filter, options }
  }
  for (const [packetId, { delivery, isReleased }] of session.inflight) {
    yield { kind: 'queued', ...name, delivery }
    yield { kind: 'sent', ...name, sequence: delivery.sequence, packetId }
    if (isReleased) yield { kind: 'released', ...name, packetId }
  }
  for (const delivery of session.waiting.values()) yield { kind: 'queued', ...name, delivery }
  for (const packetId of session.receivedIds) yield { kind: 'received', ...name, packetId }
  if (expiresAt !== undefined) yield { kind: 'disconnected', ...name, expiresAt, willDueAt }
}

export function nameBytesOf({ clientId, userName }: SessionName): number {
  return (
    Buffer.byteLength(clientId) + (userName === undefined ? 0 : 2 + Buffer.byteLength(userName))
  )
}

export function subscriptionBytes({ nameBytes }: SessionState, filter: string): number {
  return SUBSCRIPTION_BYTES + nameBytes + 3 * filter.length
}

/** A delivery takes up to three changes: queued, sent, released. */
export function deliveryBytes(
  { nameBytes }: SessionState,
  { message, identifiers }: StoredDelivery,
) {
  return DELIVERY_BYTES + 3 * nameBytes + 4 * identifiers.length + messageBytes(message)
}

export function idBytes({ nameBytes }: SessionState): number {
  return ID_BYTES + nameBytes
}

/** A UTF-16 code unit takes at most three bytes in UTF-8. */
export function messageBytes({
  topic,
  properties,
  payload,
}: PersistedMessage | StoredWill): number {
  return 64 + 3 * topic.length + properties.length + payload.length
}
