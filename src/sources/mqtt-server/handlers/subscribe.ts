/** What SUBSCRIBE and UNSUBSCRIBE do (sections 3.8 and 3.10): one code per filter, then the retained messages. */

import { everythingPermitted } from '../access/access-control.ts'
import { maskRefusal } from '../access/refusal-masking.ts'
import type { Broker } from '../broker/broker.ts'
import { ReasonCode } from '../packets/protocol.ts'
import { ProtocolViolation } from '../packets/protocol-violation.ts'
import type { SubscriptionOptions } from '../packets/subscribe-packet.ts'
import {
  encodeSuback,
  encodeUnsuback,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubscribePacket,
} from '../packets/subscribe-packet.ts'
import { isSharedFilter, isTopicFilter, parseSharedFilter } from '../packets/topic.ts'
import type { Link } from '../sessions/link.ts'
import type { Session } from '../sessions/session.ts'
import { type FreshSubscription, type RetainedPart, replayRetained } from './retained-replay.ts'
import { maySubscribe } from './subscription-review.ts'

/** No topic is longer than 256 bytes, so a longer filter only costs memory; `$share/<group>/` comes on top. */
const MAX_FILTER_BYTES = 512
/** Before MQTT 5 there is one code for all failures [MQTT-3.9.3-2]. */
const FAILURE = 0x80

export function subscribe(
  broker: Broker,
  session: Session,
  link: Link,
  packet: SubscribePacket,
): void {
  const codes: number[] = []
  const fresh: FreshSubscription[] = []
  for (const [index, request] of packet.requests.entries()) {
    const refusal = refusalOf(request, index, broker, session)
    if (refusal === ReasonCode.topicFilterInvalid && link.version !== 5)
      throw noFilter(request.filter)
    if (refusal !== undefined) {
      const { code } = maskRefusal(refusal, '', broker.revealsRefusals)
      codes.push(link.version === 5 ? code : FAILURE)
      continue
    }
    const { filter, retainHandling } = request
    const options = optionsOf(request, packet.identifier, link)
    const isNew = broker.subscriptions.add(session, filter, options)
    session.subscriptions.set(filter, options)
    session.record?.subscribed(filter, options)
    codes.push(options.qos)
    if (retainHandling === 0 || (retainHandling === 1 && isNew)) fresh.push({ filter, options })
  }
  answer(broker, session, link, encodeSuback(link.version, packet.packetId, codes), fresh)
}

/** SUBACK, then what is retained. What outlives the process is answered when it will. */
function answer(
  broker: Broker,
  session: Session,
  link: Link,
  suback: Buffer,
  fresh: readonly FreshSubscription[],
): void {
  const goOn = (part: RetainedPart): void => {
    if (session.link !== link) return
    link.send(suback)
    session.pump()
    link.inTurns(replayRetained(broker, session, fresh, part))
  }
  if (session.record === undefined) {
    goOn('all')
    return
  }
  // After SUBACK these are owed to the session, so they belong in the journal before it.
  const replay = replayRetained(broker, session, fresh, 'owed')
  link.inTurns(() => {
    const isDone = replay()
    if (isDone) broker.commitGate.whenDurable(() => goOn('others'))
    return isDone
  })
}

export function unsubscribe(
  broker: Broker,
  session: Session,
  link: Link,
  packet: UnsubscribePacket,
): void {
  const codes = packet.filters.map((filter) => {
    if (link.version !== 5 && !isFilter(filter)) throw noFilter(filter)
    if (!session.subscriptions.delete(filter)) return ReasonCode.noSubscriptionExisted
    broker.subscriptions.remove(session, filter)
    session.record?.unsubscribed(filter)
    return ReasonCode.success
  })
  whenDurable(broker, session, () => {
    link.send(encodeUnsuback(link.version, packet.packetId, codes))
  })
}

function whenDurable(broker: Broker, session: Session, answer: () => void): void {
  if (session.record === undefined) answer()
  else broker.commitGate.whenDurable(answer)
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

function isFilter(filter: string): boolean {
  return isSharedFilter(filter) ? parseSharedFilter(filter) !== undefined : isTopicFilter(filter)
}

/** Before MQTT 5 a filter that is none ends the connection [MQTT-4.7.1-2, MQTT-4.7.1-3]. */
function noFilter(filter: string): ProtocolViolation {
  return new ProtocolViolation(`topic filter ${filter} has its wildcards wrong`)
}

function refusalOf(
  { filter }: SubscriptionRequest,
  index: number,
  broker: Broker,
  session: Session,
): number | undefined {
  // Also when it is the same one over and over: nobody needs more in one packet.
  if (index >= broker.limits.maxSubscriptionsPerClient) return ReasonCode.quotaExceeded
  if (Buffer.byteLength(filter) > MAX_FILTER_BYTES) return ReasonCode.quotaExceeded
  if (!isFilter(filter)) return ReasonCode.topicFilterInvalid
  const permissions = session.link?.permissions ?? everythingPermitted
  if (!maySubscribe(permissions, filter)) return ReasonCode.notAuthorized
  const isOneTooMany =
    session.subscriptions.size >= broker.limits.maxSubscriptionsPerClient &&
    !session.subscriptions.has(filter)
  return isOneTooMany ? ReasonCode.quotaExceeded : undefined
}
