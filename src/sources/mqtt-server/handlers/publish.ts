/**
 * Handles PUBLISH (section 3.3): takes the message in, passes it on to subscribers, and
 * acknowledges it when it is durable.
 *
 * An acknowledgement of MQTT 3.1.1 can't refuse a message, and the client forgets its message with
 * it. If a message can't be stored now but may be later, a client of 3.1.1 gets no acknowledgement.
 */

import { MAX_TOPIC_BYTES, type Refusal } from '../../../message.ts'
import { shown } from '../../../shown-text.ts'
import { NO_CYCLE, type Outcome, type Route } from '../../source.ts'
import { replyTo } from '../broker/reply-to.ts'
import { WORK_OF_A_REFUSAL, workOfEnvelope, workOfFields } from '../limits/work.ts'
import { encodeAcknowledgement } from '../packets/control-packets.ts'
import { PacketType, ReasonCode } from '../packets/protocol.ts'
import { ProtocolViolation } from '../packets/protocol-violation.ts'
import { PublishPacket } from '../packets/publish-packet.ts'
import { STORED_BEFORE } from '../sessions/received-ids.ts'
import { keptTopic, type Topic } from '../topics/topic-cache.ts'
import type { Client } from './client.ts'
import { reasonCodeOf } from './publish-acks.ts'

const SESSIONS_FAIL: Refusal = Object.freeze({
  error: 'StorageFailed',
  message:
    'Storage fails, so the message could not be kept for the clients that subscribe to its topic. It was not taken; send it again once storage has recovered.',
})
const PUBACK = PacketType.puback << 4
const PUBREC = PacketType.pubrec << 4
/** The one PUBLISH being read, of all clients: nothing is allocated for a packet. */
const incoming = new PublishPacket()

/**
 * Returns a refusal if the message can't be stored now and is to be offered again: then it is as if
 * it had not come. Throws ProtocolViolation for what ends the connection.
 */
export function handlePublish(
  client: Client,
  first: number,
  bytes: Buffer,
  start: number,
  end: number,
): Refusal | undefined {
  incoming.read(first, bytes, start, end, client.link.version, client.limits)
  const { qos, propertyBytes } = incoming
  if (propertyBytes > 0) client.broker.work.done += workOfFields(propertyBytes)
  const refusal = take(client, incoming)
  if (qos > 0) client.acks.pending.waitFor(client.broker.commitGate.changedIn)
  return refusal
}

function take(client: Client, packet: PublishPacket): Refusal | undefined {
  const { broker, link } = client
  const { commitGate, statistics } = broker
  if (commitGate.isStopped || (link.isLeaving && packet.qos > 0)) return undefined
  statistics.messagesReceived++
  const topic = topicOf(client, packet)
  client.received++
  if (packet.qos === 2 && isRepeated(client, packet)) return undefined
  if (packet.qos > 0 && link.version === 5) checkReceiveMaximum(client)
  const refusal = refusalOf(client, topic, packet)
  if (refusal !== undefined) {
    broker.work.done += WORK_OF_A_REFUSAL
    client.reports.messageDropped(refusal)
    acknowledgeRefused(client, packet, refusal)
    return undefined
  }
  client.lastTopic = topic.name
  client.lastMessageAt = link.heardAt
  const outcome = keep(client, packet, topic)
  if (typeof outcome !== 'number') {
    if (!outcome.isWithheld) {
      acknowledgeRefused(client, packet, outcome.refusal)
      return undefined
    }
    statistics.messagesReceived--
    client.received--
    return outcome.refusal
  }
  if (packet.qos > 0) acknowledge(client, packet, outcome, topic)
  broker.distribute(topic, packet, client.session)
  return undefined
}

/** Hands it to the intake, unless sessions have to keep it too and cannot. */
function keep(client: Client, packet: PublishPacket, topic: Topic): Outcome {
  const { name, route } = topic
  if (packet.qos > 0 && client.broker.cannotKeep(topic, packet.retain)) {
    const isWithheld = client.link.version !== 5
    if (!isWithheld) client.reports.messageDropped(SESSIONS_FAIL)
    return { refusal: SESSIONS_FAIL, isWithheld }
  }
  return route === undefined ? NO_CYCLE : offer(client, packet, name, route)
}

function offer(client: Client, packet: PublishPacket, topic: string, route: Route): Outcome {
  const { bytes, payloadStart, end, properties, qos } = packet
  const { work, commitGate } = client.broker
  const mayWithhold = qos > 0 && client.link.version !== 5
  const reply = replyTo(properties)
  if (route.kind === 'formatted') work.done += workOfEnvelope(end - payloadStart)
  const { intake } = commitGate
  const outcome = intake.accept(route, topic, bytes, payloadStart, end, reply, mayWithhold)
  if (typeof outcome !== 'number') work.done += WORK_OF_A_REFUSAL
  return outcome
}

/** [MQTT-3.3.4-7] */
function checkReceiveMaximum({ acks, session, limits }: Client): void {
  const { receiveMaximum } = limits
  // QoS 1 counts until PUBACK, QoS 2 until PUBREL is answered.
  if (acks.pending.pubackCount + session.receivedCount < receiveMaximum) return
  throw new ProtocolViolation(
    `more than ${receiveMaximum} messages unacknowledged`,
    ReasonCode.receiveMaximumExceeded,
  )
}

function topicOf(client: Client, packet: PublishPacket): Topic {
  const { topics } = client.broker
  const alias = packet.properties.topicAlias
  if (alias === undefined) return topics.find(packet.bytes, packet.topicStart, packet.topicEnd)
  const { topicAliasMaximum } = client.limits
  // [MQTT-3.3.2-9]
  if (alias > topicAliasMaximum) {
    throw new ProtocolViolation(
      `expected a topic alias of at most ${topicAliasMaximum}, got ${alias}`,
      ReasonCode.topicAliasInvalid,
    )
  }
  client.topicAliases ??= new Map()
  if (packet.topicStart === packet.topicEnd) {
    const known = client.topicAliases.get(alias)
    if (known !== undefined) return known
    throw new ProtocolViolation(`topic alias ${alias} has no topic`, ReasonCode.protocolError)
  }
  const topic = topics.find(packet.bytes, packet.topicStart, packet.topicEnd)
  client.topicAliases.set(alias, keptTopic(topic))
  return topic
}

/**
 * A QoS 2 message that was taken before is acknowledged again and not taken again [MQTT-4.3.3-2];
 * its PUBREC waits for the same commit as the first one. For an id stored before a restart, DUP is
 * required as well [MQTT-3.3.1-1]: without it this is a new message, and the old id was kept only
 * because the disk failed.
 */
function isRepeated({ acks, session }: Client, { packetId, isDuplicate }: PublishPacket): boolean {
  const cycle = session.receivedIn(packetId)
  if (cycle === undefined || (cycle === STORED_BEFORE && !isDuplicate)) return false
  acks.pending.add(cycle, PUBREC, packetId)
  return true
}

/** Why the client may not publish to the topic, before the intake is asked. */
function refusalOf(
  { link }: Client,
  topic: Topic,
  { properties }: PublishPacket,
): Refusal | undefined {
  const { name, fault, route } = topic
  // A topic with a route to no channel is refused by the intake, with a receipt.
  if (fault !== undefined && route?.kind !== 'refused') {
    return { error: 'InvalidTopic', message: fault }
  }
  if (topic.isProtected)
    return notAuthorized(`only the connector may publish to ${shownTopic(name)}`)
  const { permissions } = link
  if (!permissions.mayPublish(name)) {
    return notAuthorized(`the client may not publish to ${shownTopic(name)}`)
  }
  const { responseTopic } = properties
  // The connector would publish there on the client's behalf.
  if (responseTopic !== undefined && route !== undefined) {
    if (!permissions.mayPublish(responseTopic)) {
      return notAuthorized(
        `the client may not publish to ${shownTopic(responseTopic)}, so it cannot be its response topic`,
      )
    }
  }
  return undefined
}

function notAuthorized(message: string): Refusal {
  return { error: 'NotAuthorized', message }
}

function shownTopic(name: string): string {
  return shown(name, MAX_TOPIC_BYTES)
}

function acknowledge(client: Client, packet: PublishPacket, cycle: number, topic: Topic): void {
  const { broker, acks, session } = client
  const { qos, packetId } = packet
  const { pending } = acks
  if (qos === 2) session.received(packetId, cycle, broker.commitGate.finishedCycle)
  const first = qos === 2 ? PUBREC : PUBACK
  if (cycle !== NO_CYCLE || client.link.version !== 5) {
    pending.add(cycle, first, packetId)
  } else if (qos === 1 && !broker.hasSubscribers(topic)) {
    pending.addEncoded(cycle, withCode(first, packetId, ReasonCode.noMatchingSubscribers))
  } else if (pending.isEmpty) {
    pending.add(cycle, first, packetId)
  } else {
    // Behind messages that wait for a commit, the short form would fail together with theirs.
    pending.addEncoded(cycle, withCode(first, packetId, ReasonCode.success))
  }
  const { commitGate } = broker
  // A message that waits for no commit is acknowledged before it comes back to its sender.
  if (qos === 2 && cycle === NO_CYCLE && !commitGate.keepsSessions) {
    acks.sendUpTo(commitGate.finishedCycle)
  }
}

/**
 * To a client of MQTT 3.1.1, a message refused permanently is acknowledged like any other
 * [MQTT-3.3.5-2]: without that, the client would send it again indefinitely. Its receipt says that
 * it was refused.
 */
function acknowledgeRefused(client: Client, packet: PublishPacket, refusal: Refusal): void {
  const { qos, packetId } = packet
  if (qos === 0) return
  const { pending } = client.acks
  if (client.link.version !== 5) {
    if (qos === 2) client.session.received(packetId, NO_CYCLE, NO_CYCLE)
    pending.add(NO_CYCLE, qos === 2 ? PUBREC : PUBACK, packetId)
    return
  }
  const { code, reason } = client.maskRefusal(reasonCodeOf(refusal.error), refusal.message)
  pending.addEncoded(NO_CYCLE, withReason(client, packet, code, reason.reasonString))
}

function withReason(
  { wantsReasons, link }: Client,
  { qos, packetId }: PublishPacket,
  code: number,
  reason: string | undefined,
): Buffer {
  const type = qos === 2 ? PacketType.pubrec : PacketType.puback
  if (wantsReasons) {
    const bytes = encodeAcknowledgement(type, 5, packetId, code, reason)
    // [MQTT-3.4.2-2]: if the packet would be too long, the reason string is left out.
    if (bytes.length <= link.maxPacketBytes) return bytes
  }
  return encodeAcknowledgement(type, 5, packetId, code)
}

/** A PUBACK or PUBREC of MQTT 5 with a reason code and no properties. */
function withCode(first: number, packetId: number, code: number): Buffer {
  return Buffer.from([first, 3, packetId >> 8, packetId & 0xff, code])
}
