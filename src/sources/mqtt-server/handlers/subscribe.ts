/** Handles SUBSCRIBE (section 3.8): SUBACK with one code per filter, then the retained messages. */

import { quoted } from '../../../shown-text.ts'
import { isTopicFilter } from '../../../topics.ts'
import type { Permissions } from '../access/access-control.ts'
import { ReasonCode } from '../packets/protocol.ts'
import { ProtocolViolation } from '../packets/protocol-violation.ts'
import {
  encodeSuback,
  readSubscribe,
  type SubscriptionOptions,
  type SubscriptionRequest,
} from '../packets/subscribe-packet.ts'
import { isSharedFilter, parseSharedFilter } from '../packets/topic.ts'
import type { Link } from '../sessions/link.ts'
import type { Session } from '../sessions/session.ts'
import { levelsOf, type Subscriptions } from '../topics/subscriptions.ts'
import type { Client } from './client.ts'
import { type NewSubscription, RetainedReplay } from './retained-replay.ts'

/**
 * No topic is longer than 256 bytes, so a longer filter only costs memory; `$share/<group>/` is
 * added.
 */
const MAX_FILTER_BYTES = 512
/** Before MQTT 5 there is one code for all failures [MQTT-3.9.3-2]. */
const FAILURE = 0x80

export function handleSubscribe(client: Client, bytes: Buffer, start: number, end: number): void {
  const { broker, session, link } = client
  const packet = readSubscribe(bytes, start, end, link.version, client.limits)
  const codes: number[] = []
  const added: NewSubscription[] = []
  for (const request of packet.requests) {
    broker.work.done++
    const refusal = refusalOf(client, request)
    if (refusal !== undefined) {
      codes.push(link.version === 5 ? client.maskRefusal(refusal, '').code : FAILURE)
      continue
    }
    const { filter, retainHandling } = request
    const options = optionsOf(request, packet.identifier, link)
    const isNew = broker.subscriptions.add(session, filter, options)
    session.subscriptions.set(filter, options)
    session.record?.subscribed(filter, options)
    codes.push(options.qos)
    if (retainHandling === 0 || (retainHandling === 1 && isNew)) added.push({ filter, options })
  }
  // This also counts one filter that is repeated: no client needs more in one packet.
  const excess = link.version === 5 ? ReasonCode.quotaExceeded : FAILURE
  for (let i = 0; i < packet.excess; i++) codes.push(excess)
  answer(client, encodeSuback(link.version, packet.packetId, codes), added)
}

/**
 * Removes subscriptions that the session's client may not have: its rules or its user have changed.
 */
export function dropForbiddenSubscriptions(
  subscriptions: Subscriptions,
  session: Session,
  permissions: Permissions,
): void {
  for (const filter of [...session.subscriptions.keys()]) {
    if (maySubscribe(permissions, filter)) continue
    session.subscriptions.delete(filter)
    subscriptions.remove(session, filter)
    session.record?.unsubscribed(filter)
  }
}

/**
 * Throws ProtocolViolation: before MQTT 5 an invalid filter ends the connection [MQTT-4.7.1-2,
 * MQTT-4.7.1-3].
 */
export function checkFilter(filter: string): void {
  if (isFilter(filter)) return
  throw new ProtocolViolation(`topic filter ${quoted(filter)} has a wildcard in a wrong place`)
}

/**
 * SUBACK, then the retained messages. A session that is kept is answered when its changes are
 * durable.
 */
function answer(client: Client, suback: Buffer, added: readonly NewSubscription[]): void {
  const { broker, session, link } = client
  const proceed = (...replays: RetainedReplay[]): void => {
    if (session.link !== link) return
    link.send(suback)
    session.pump()
    for (const replay of replays) session.replay(replay)
  }
  if (session.record === undefined) {
    proceed(new RetainedReplay(client, added, 'all'))
    return
  }
  // Once SUBACK is sent, the session must deliver these, so those that its queue has room for become
  // durable before it. The others follow as the client takes them.
  const queued = new RetainedReplay(client, added, 'queued')
  const others = new RetainedReplay(client, added, 'others')
  link.inTurns(() => {
    if (queued.proceed() === 'more') return false
    broker.commitGate.whenDurable(() => proceed(queued, others))
    return true
  })
}

function optionsOf(
  { qos, noLocal, retainAsPublished }: SubscriptionRequest,
  identifier: number | undefined,
  { isBridge }: Link,
): SubscriptionOptions {
  return {
    qos,
    noLocal: noLocal || isBridge,
    retainAsPublished: retainAsPublished || isBridge,
    identifier,
  }
}

function refusalOf(client: Client, { filter }: SubscriptionRequest): number | undefined {
  const { link, limits } = client
  if (Buffer.byteLength(filter) > MAX_FILTER_BYTES) return ReasonCode.quotaExceeded
  if (link.version !== 5) checkFilter(filter)
  else if (!isFilter(filter)) return ReasonCode.topicFilterInvalid
  if (levelsOf(filter) > limits.maxTopicLevels) return ReasonCode.quotaExceeded
  if (!maySubscribe(link.permissions, filter)) return ReasonCode.notAuthorized
  return hasRoomFor(client, filter) ? undefined : ReasonCode.quotaExceeded
}

function hasRoomFor({ broker, session, limits }: Client, filter: string): boolean {
  const { subscriptions } = session
  if (subscriptions.has(filter)) return true
  const bytes = subscriptions.filterBytes + Buffer.byteLength(filter)
  if (subscriptions.size >= limits.maxSubscriptionsPerClient) return false
  if (bytes > limits.maxFilterBytesPerClient) return false
  if (
    isSharedFilter(filter) &&
    subscriptions.sharedCount >= limits.maxSharedSubscriptionsPerClient
  ) {
    return false
  }
  return broker.subscriptions.hasRoomFor(filter, subscriptions.levels)
}

function isFilter(filter: string): boolean {
  return isSharedFilter(filter) ? parseSharedFilter(filter) !== undefined : isTopicFilter(filter)
}

function maySubscribe(permissions: Permissions, filter: string): boolean {
  const inner = isSharedFilter(filter) ? parseSharedFilter(filter)?.filter : filter
  return inner !== undefined && permissions.maySubscribe(inner)
}
