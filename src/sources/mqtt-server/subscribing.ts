/** What SUBSCRIBE and UNSUBSCRIBE do (sections 3.8 and 3.10): one code per filter, then the retained messages. */
import { everythingPermitted } from './access/permissions.ts'
import { maySubscribe } from './access/subscription-review.ts'
import type { Broker } from './broker.ts'
import { ReasonCode } from './packets/protocol.ts'
import { ProtocolViolation } from './packets/protocol-violation.ts'
import {
  encodeSuback,
  encodeUnsuback,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubscribePacket,
} from './packets/subscribe-packet.ts'
import type { Link, Session } from './session.ts'
import { listenerOf, type SubscriptionOptions } from './subscriptions.ts'
import { isSharedFilter, isTopicFilter, parseSharedFilter } from './topic.ts'

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
  const fresh: [SubscriptionRequest, SubscriptionOptions][] = []
  for (const request of packet.requests) {
    const refusal = refusalOf(request, broker, session)
    if (refusal === ReasonCode.topicFilterInvalid && link.version !== 5)
      throw noFilter(request.filter)
    if (refusal !== undefined) {
      codes.push(link.version === 5 ? refusal : FAILURE)
      continue
    }
    const { filter, retainHandling } = request
    const options = optionsOf(request, packet.identifier, link)
    const isNew = broker.subscriptions.add(session, filter, options)
    session.subscriptions.set(filter, options)
    session.record?.subscribed(filter, options)
    codes.push(options.qos)
    if (retainHandling === 0 || (retainHandling === 1 && isNew)) fresh.push([request, options])
  }
  whenKept(broker, session, () => {
    if (session.link !== link) return
    link.send(encodeSuback(link.version, packet.packetId, codes))
    for (const [request, options] of fresh) sendRetained(broker, session, request.filter, options)
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
  whenKept(broker, session, () => {
    link.send(encodeUnsuback(link.version, packet.packetId, codes))
  })
}

/** What outlives the process is answered when it will. */
function whenKept(broker: Broker, session: Session, answer: () => void): void {
  if (session.record === undefined) answer()
  else broker.acceptance.whenKept(answer)
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
  broker: Broker,
  session: Session,
): number | undefined {
  if (Buffer.byteLength(filter) > MAX_FILTER_BYTES) return ReasonCode.quotaExceeded
  if (!isFilter(filter)) return ReasonCode.topicFilterInvalid
  const permissions = session.link?.permissions ?? everythingPermitted
  if (!maySubscribe(permissions, filter)) return ReasonCode.notAuthorized
  const isOneTooMany =
    session.subscriptions.size >= broker.limits.maxSubscriptionsPerClient &&
    !session.subscriptions.has(filter)
  return isOneTooMany ? ReasonCode.quotaExceeded : undefined
}

/** Not for shared subscriptions (MQTT 5.0, section 4.8.2). */
function sendRetained(
  broker: Broker,
  session: Session,
  filter: string,
  options: SubscriptionOptions,
): void {
  if (isSharedFilter(filter)) return
  const listener = listenerOf(session, options)
  for (const message of broker.retained.matching(filter, broker.clock.monotonic())) {
    session.deliverRetained(message, listener)
  }
}
