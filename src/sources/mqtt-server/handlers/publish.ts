/**
 * What one client publishes: taken in, passed on, acknowledged when it is durable. Made when a
 * connection sends its first PUBLISH, so that idle connections hold nothing of it.
 *
 * An acknowledgement of MQTT 3.1.1 can't say no, and the client forgets its message with it. So what
 * can't be stored now, and may be later, is not acknowledged to a client of 3.1.1.
 */

import type { Refusal } from '../../../message.ts'
import { NO_CYCLE, type Outcome, type Route } from '../../source.ts'
import { maskRefusal } from '../access/refusal-masking.ts'
import { type Broker, replyTo } from '../broker/broker.ts'
import type { AckWaiter } from '../broker/commit-gate.ts'
import { encodeAcknowledgement } from '../packets/control-packets.ts'
import { PacketType, ReasonCode } from '../packets/protocol.ts'
import { ProtocolViolation } from '../packets/protocol-violation.ts'
import type { PublishPacket } from '../packets/publish-packet.ts'
import type { Link } from '../sessions/link.ts'
import { type Session, STORED_BEFORE } from '../sessions/session.ts'
import type { Topic } from '../topics/topic-cache.ts'
import { PendingAcks, withFailure } from './pending-acks.ts'
import { refusalReason } from './refusal-reason.ts'

export interface PublishReceiverOptions {
  readonly broker: Broker
  readonly link: Link
  readonly session: Session
  /** Whether the client wants reason strings [MQTT-3.1.2-29]. */
  readonly wantsReasons: boolean
}

const PUBACK = PacketType.puback << 4
const PUBREC = PacketType.pubrec << 4

export class PublishReceiver implements AckWaiter {
  readonly #broker: Broker
  readonly #link: Link
  readonly #session: Session
  readonly #wantsReasons: boolean
  readonly #acks = new PendingAcks()
  #aliases: Map<number, Topic> | undefined
  /** The gate reports commits to us, until no acknowledgement waits. */
  #isWaiting = false

  constructor({ broker, link, session, wantsReasons }: PublishReceiverOptions) {
    this.#broker = broker
    this.#link = link
    this.#session = session
    this.#wantsReasons = wantsReasons
  }

  /**
   * Takes one PUBLISH. Returns why it can't be stored now when it is to be offered again: then
   * nothing has become of it. Throws ProtocolViolation for what ends the connection.
   */
  receive(packet: PublishPacket): Refusal | undefined {
    const { qos } = packet
    const refusal = this.#take(packet)
    if (qos > 0) this.#acks.waitFor(this.#broker.commitGate.changedIn)
    return refusal
  }

  #take(packet: PublishPacket): Refusal | undefined {
    const { commitGate, statistics } = this.#broker
    if (commitGate.isStopped || (this.#link.isLeaving && packet.qos > 0)) return undefined
    statistics.messagesReceived++
    const topic = this.#topicOf(packet)
    if (packet.qos === 2 && this.#isRepeated(packet)) return undefined
    if (packet.qos > 0 && this.#link.version === 5) this.#checkReceiveMaximum()
    const refusal = this.#refusalOf(topic, packet)
    if (refusal !== undefined) {
      this.#broker.observer.messageDropped(undefined, refusal.error, refusal.message)
      this.#acknowledgeRefused(packet, refusal)
      return undefined
    }
    let cycle = NO_CYCLE
    if (topic.route !== undefined) {
      const outcome = this.#offer(packet, topic.name, topic.route)
      if (typeof outcome !== 'number') {
        if (!outcome.isWithheld) {
          this.#acknowledgeRefused(packet, outcome.refusal)
          return undefined
        }
        statistics.messagesReceived--
        return outcome.refusal
      }
      cycle = outcome
    }
    if (packet.qos > 0) this.#acknowledge(packet, cycle, topic)
    this.#broker.distribute(topic, packet, this.#session)
    return undefined
  }

  #offer(packet: PublishPacket, topic: string, route: Route): Outcome {
    const { bytes, payloadStart, end, properties, qos } = packet
    const { intake } = this.#broker.commitGate
    const mayWithhold = qos > 0 && this.#link.version !== 5
    return intake.accept(route, topic, bytes, payloadStart, end, replyTo(properties), mayWithhold)
  }

  /** Sends what waits for no commit, or for one that is over; the rest when its commit is. */
  flushFinished(): void {
    const { commitGate } = this.#broker
    if (!this.#sendDue(commitGate.finishedCycle) || this.#isWaiting) return
    this.#isWaiting = true
    commitGate.addAckWaiter(this)
  }

  flush(cycle: number): boolean {
    this.#isWaiting = this.#sendDue(cycle)
    return this.#isWaiting
  }

  fail(cycle: number, refusal: Refusal): boolean {
    const stored = this.#acks.take(cycle - 1)
    if (stored !== undefined) this.#link.send(stored)
    const failed = this.#acks.take(cycle)
    if (failed !== undefined) this.#tellFailed(failed, refusal)
    this.#isWaiting = !this.#acks.isEmpty
    return this.#isWaiting
  }

  #tellFailed(acknowledgements: Buffer, refusal: Refusal): void {
    if (this.#link.version === 5) {
      const reason = refusalReason(refusal.error)
      const release = (packetId: number) => this.#session.forgetReceived(packetId)
      this.#link.send(withFailure(acknowledgements, reason, release))
      return
    }
    // Those of later cycles would overtake the ones left out [MQTT-4.6.0-2].
    this.#acks.clear()
    this.#link.endSoon(refusal)
  }

  /** Sends what is due and returns whether more is owed for a later cycle. */
  #sendDue(cycle: number): boolean {
    if (this.#acks.isEmpty) return false
    const due = this.#acks.take(cycle)
    if (due !== undefined) this.#link.send(due)
    return !this.#acks.isEmpty
  }

  /** [MQTT-3.3.4-7] */
  #checkReceiveMaximum(): void {
    const { receiveMaximum } = this.#broker.limits
    if (this.#unacknowledged < receiveMaximum) return
    throw new ProtocolViolation(
      `more than ${receiveMaximum} messages unacknowledged`,
      ReasonCode.receiveMaximumExceeded,
    )
  }

  /** As Receive Maximum counts: QoS 1 until PUBACK, QoS 2 until PUBREL is answered. */
  get #unacknowledged(): number {
    return this.#acks.pubackCount + this.#session.receivedCount
  }

  #topicOf(packet: PublishPacket): Topic {
    const alias = packet.properties.topicAlias
    if (alias === undefined) {
      return this.#broker.topics.find(packet.bytes, packet.topicStart, packet.topicEnd)
    }
    // [MQTT-3.3.2-9]
    if (alias > this.#broker.limits.topicAliasMaximum) {
      throw new ProtocolViolation(
        `topic alias ${alias}, at most ${this.#broker.limits.topicAliasMaximum} are taken`,
        ReasonCode.topicAliasInvalid,
      )
    }
    this.#aliases ??= new Map()
    if (packet.topicStart === packet.topicEnd) {
      const known = this.#aliases.get(alias)
      if (known !== undefined) return known
      throw new ProtocolViolation(
        `topic alias ${alias} was never given a topic`,
        ReasonCode.protocolError,
      )
    }
    const topic = this.#broker.topics.find(packet.bytes, packet.topicStart, packet.topicEnd)
    this.#aliases.set(alias, topic)
    return topic
  }

  /**
   * A QoS 2 message that has been taken before is acknowledged again and not taken again
   * [MQTT-4.3.3-2]; its PUBREC waits for whatever the first one waits for. Of one from before a
   * restart DUP is asked as well [MQTT-3.3.1-1]: without it this is another message, whose id a
   * failing disk has not forgotten.
   */
  #isRepeated({ packetId, isDuplicate }: PublishPacket): boolean {
    const cycle = this.#session.receivedIn(packetId)
    if (cycle === undefined || (cycle === STORED_BEFORE && !isDuplicate)) return false
    this.#acks.add(cycle, PUBREC, packetId)
    return true
  }

  /** Why nobody may publish to the topic, before the intake is asked. */
  #refusalOf(topic: Topic, { properties }: PublishPacket): Refusal | undefined {
    if (topic.isProtected) {
      return { error: 'NotAuthorized', message: `only the connector publishes to ${topic.name}` }
    }
    const { permissions } = this.#link
    if (!permissions.mayPublish(topic.name)) {
      return { error: 'NotAuthorized', message: `the client may not publish to ${topic.name}` }
    }
    const { responseTopic } = properties
    // We would publish there in the client's place.
    if (responseTopic !== undefined && topic.route !== undefined) {
      if (!permissions.mayPublish(responseTopic)) {
        return {
          error: 'NotAuthorized',
          message: `the client may not have answers published to ${responseTopic}`,
        }
      }
    }
    if (topic.isTooLong && topic.route?.kind !== 'refused') {
      return {
        error: 'InvalidTopic',
        message: `the topic has ${topic.bytes.length} bytes of UTF-8, at most 256 are taken`,
      }
    }
    return undefined
  }

  #acknowledge(packet: PublishPacket, cycle: number, topic: Topic): void {
    const { qos, packetId } = packet
    if (qos === 2) this.#session.received(packetId, cycle)
    const first = qos === 2 ? PUBREC : PUBACK
    if (cycle !== NO_CYCLE || this.#link.version !== 5) {
      this.#acks.add(cycle, first, packetId)
    } else if (qos === 1 && !this.#broker.isHeard(topic)) {
      this.#acks.addEncoded(cycle, short(first, packetId, ReasonCode.noMatchingSubscribers))
    } else if (this.#acks.isEmpty) {
      this.#acks.add(cycle, first, packetId)
    } else {
      // Behind messages that wait for a commit, the short form would fail with theirs.
      this.#acks.addEncoded(cycle, short(first, packetId, ReasonCode.success))
    }
    const { commitGate } = this.#broker
    // A message that waits for nothing is acknowledged before it comes back to its sender.
    if (qos === 2 && cycle === NO_CYCLE && !commitGate.keepsSessions) {
      this.#sendDue(commitGate.finishedCycle)
    }
  }

  /**
   * What is refused for good is acknowledged to a client of MQTT 3.1.1 like any other message
   * [MQTT-3.3.5-2]: unacknowledged it would come back for ever. Its receipt says no.
   */
  #acknowledgeRefused(packet: PublishPacket, refusal: Refusal): void {
    const { qos, packetId } = packet
    if (qos === 0) return
    if (this.#link.version !== 5) {
      if (qos === 2) this.#session.received(packetId, NO_CYCLE)
      this.#acks.add(NO_CYCLE, qos === 2 ? PUBREC : PUBACK, packetId)
      return
    }
    const { error, message } = refusal
    const { code, reason } = maskRefusal(
      refusalReason(error),
      message,
      this.#broker.revealsRefusals,
    )
    this.#acks.addEncoded(NO_CYCLE, this.#explicit(packet, code, reason.reasonString))
  }

  #explicit(packet: PublishPacket, code: number, reason: string | undefined): Buffer {
    const type = packet.qos === 2 ? PacketType.pubrec : PacketType.puback
    if (this.#wantsReasons) {
      const bytes = encodeAcknowledgement(type, 5, packet.packetId, code, reason)
      // [MQTT-3.4.2-2]: the reason string is what goes when there is no room.
      if (bytes.length <= this.#link.maxPacketBytes) return bytes
    }
    return encodeAcknowledgement(type, 5, packet.packetId, code)
  }
}

/** A PUBACK or PUBREC of MQTT 5 with a code and no more. */
function short(first: number, packetId: number, code: number): Buffer {
  return Buffer.from([first, 3, packetId >> 8, packetId & 0xff, code])
}
