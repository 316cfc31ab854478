/**
 * What the server remembers of a client (section 3.1.2.4 / 4.1): its subscriptions, messages on
 * their way to it, QoS 2 messages half received. It may outlive the connection.
 */

import type { Clock } from '../../../clock.ts'
import type { MqttLimits } from '../limits/limits.ts'
import type { Will } from '../packets/connect-packet.ts'
import { encodeAcknowledgement } from '../packets/control-packets.ts'
import { lowerQos, PacketType, ReasonCode } from '../packets/protocol.ts'
import type { SubscriptionOptions } from '../packets/subscribe-packet.ts'
import type { Publication, PublishHeader } from '../topics/publication.ts'
import type { Statistics } from '../topics/statistics.ts'
import type { Recipient, Subscriber } from '../topics/subscriptions.ts'
import type { Link } from './link.ts'
import { type Delivery, type Inflight, OutgoingQueue, type QueueTotal } from './outgoing-queue.ts'
import type { SessionRecord } from './session-recorder.ts'
import type { SessionState } from './store/session-state.ts'

interface SessionOptions {
  readonly clientId: string
  readonly limits: MqttLimits
  readonly statistics: Statistics
  readonly clock: Clock
  readonly queued: QueueTotal
}

/** A session as it was left, in the terms of this process. */
export interface RestoredSession {
  readonly kept: SessionState
  readonly will: Will | undefined
  readonly waiting: readonly Delivery[]
  readonly inflight: readonly { packetId: number; delivery: Delivery; isReleased: boolean }[]
}

/** An expiry interval that never ends (section 3.1.2.11.2). */
export const NEVER_EXPIRES_S = 0xffff_ffff
/** In the place of a commit cycle: a QoS 2 message that was stored before the server last started. */
export const STORED_BEFORE = -2
/**
 * After a restart packet ids go on so far behind the last one known. More than can have been in
 * flight unnoted: a client that still has one of those would take another message for it.
 */
const SKIPPED_IDS = 4_096
const MAX_PACKET_ID = 65_535

export class Session implements Subscriber {
  readonly clientId: string
  /** Whose session it is; undefined is an anonymous client's. */
  userName: string | undefined
  readonly subscriptions = new Map<string, SubscriptionOptions>()
  /** How long the session outlives its connection. 0: not at all. */
  expiryIntervalS = 0
  /** By the monotonic clock, when the session without a connection ends. */
  expiresAtMs = Number.POSITIVE_INFINITY
  will: Will | undefined
  /** By the monotonic clock, when the will of a lost connection is published. */
  willDueAtMs = Number.POSITIVE_INFINITY
  /** Tells a store of the session while it is to outlive the process. */
  record: SessionRecord | undefined
  readonly #limits: MqttLimits
  readonly #statistics: Statistics
  readonly #clock: Clock
  readonly #queued: QueueTotal
  #link: Link | undefined
  #queue: OutgoingQueue | undefined
  #receivedIds: Map<number, number> | undefined
  #nextSequence = 0

  constructor({ clientId, limits, statistics, clock, queued }: SessionOptions) {
    this.clientId = clientId
    this.#limits = limits
    this.#statistics = statistics
    this.#clock = clock
    this.#queued = queued
  }

  get link(): Link | undefined {
    return this.#link
  }

  get isOnline(): boolean {
    return this.#link !== undefined
  }

  /** QoS 2 messages taken in and not yet released. */
  get receivedCount(): number {
    return this.#receivedIds?.size ?? 0
  }

  /** The commit cycle of a QoS 2 message taken in and not yet released: it is not taken twice. */
  receivedIn(packetId: number): number | undefined {
    return this.#receivedIds?.get(packetId)
  }

  received(packetId: number, cycle: number): void {
    this.#receivedIds ??= new Map()
    this.#receivedIds.set(packetId, cycle)
    this.record?.received(packetId)
  }

  forgetReceived(packetId: number): void {
    if (this.#receivedIds?.delete(packetId) === true) this.record?.forgotten(packetId)
  }

  /** QoS 2 messages that were lost with their commit. */
  forgetLost(cycle: number): void {
    if (this.#receivedIds === undefined) return
    for (const [packetId, itsCycle] of this.#receivedIds) {
      if (itsCycle === cycle) this.forgetReceived(packetId)
    }
  }

  attach(link: Link): void {
    this.#link = link
    this.expiresAtMs = Number.POSITIVE_INFINITY
  }

  detach(): void {
    this.#link = undefined
  }

  /** The session has ended for good. */
  discard(): void {
    this.#queue?.clear()
    this.#queue = undefined
    this.#receivedIds?.clear()
    this.subscriptions.clear()
  }

  /** Takes back what an earlier process left, but subscriptions and times. */
  restore({ kept, will, waiting, inflight }: RestoredSession): void {
    this.userName = kept.userName
    this.expiryIntervalS = kept.expiryIntervalS
    this.will = will
    for (const packetId of kept.receivedIds) {
      this.#receivedIds ??= new Map()
      this.#receivedIds.set(packetId, STORED_BEFORE)
    }
    const queue = new OutgoingQueue(this.#limits, this.#queued)
    queue.continueAfter((kept.lastPacketId + SKIPPED_IDS) % MAX_PACKET_ID)
    for (const { packetId, delivery, isReleased } of inflight) {
      queue.restore(packetId, delivery, isReleased)
      this.#nextSequence = delivery.sequence + 1
    }
    for (const delivery of waiting) {
      this.#nextSequence = delivery.sequence + 1
      if (!queue.offer(delivery)) this.#statistics.messagesDropped++
    }
    this.#queue = queue
  }

  deliver(publication: Publication, recipient: Recipient): void {
    const retain = publication.retain && recipient.retainAsPublished
    this.#deliver(publication, recipient, retain, true)
  }

  /**
   * A message that was retained before the subscription: its flag stays set [MQTT-3.3.1-8]. With
   * `goesOut` false it waits, at QoS 1 and 2, for the next `pump`.
   */
  deliverRetained(publication: Publication, recipient: Recipient, goesOut: boolean): void {
    this.#deliver(publication, recipient, true, goesOut)
  }

  /** Everything in flight once more [MQTT-4.4.0-1], then what has been waiting. After `attach`. */
  resume(): void {
    const link = this.#link
    if (link === undefined || this.#queue === undefined) return
    for (const [packetId, { delivery, isReleased }] of this.#queue.inflight) {
      if (isReleased) {
        link.send(encodeAcknowledgement(PacketType.pubrel, link.version, packetId))
      } else {
        this.#send(link, delivery, packetId, true)
      }
    }
    this.pump()
  }

  /** Sends waiting messages as far as flow control allows. */
  pump(): void {
    const link = this.#link
    const queue = this.#queue
    if (link === undefined || queue === undefined) return
    const window = Math.min(link.receiveMaximum, this.#limits.maxInflight)
    while (queue.inflightCount < window && !link.isCongested) {
      const delivery = queue.take(this.#clock.monotonic())
      if (delivery === undefined) return
      const packetId = queue.send(delivery)
      this.record?.sent(delivery.sequence, packetId)
      this.#send(link, delivery, packetId, false)
    }
  }

  /** The message in flight under `packetId`, if there is one. */
  inflight(packetId: number): Inflight | undefined {
    return this.#queue?.find(packetId)
  }

  /** PUBACK, or PUBCOMP: the message has arrived. */
  settle(packetId: number): void {
    if (this.#end(packetId)) this.pump()
  }

  /** PUBREC: from now on PUBREL is what counts. */
  release(packetId: number): void {
    const inflight = this.#queue?.find(packetId)
    if (inflight === undefined) return
    inflight.isReleased = true
    this.record?.released(packetId)
  }

  #end(packetId: number): boolean {
    const isEnded = this.#queue?.settle(packetId) ?? false
    if (isEnded) this.record?.settled(packetId)
    return isEnded
  }

  #deliver(
    publication: Publication,
    recipient: Recipient,
    retain: boolean,
    goesOut: boolean,
  ): void {
    const qos = lowerQos(publication.qos, recipient.qos)
    if (qos === 0) {
      this.#deliverAtMostOnce(publication, recipient, retain)
      return
    }
    this.#queue ??= new OutgoingQueue(this.#limits, this.#queued)
    const delivery = {
      sequence: this.#nextSequence++,
      publication,
      qos,
      retain,
      identifiers: recipient.identifiers,
    }
    if (this.#queue.offer(delivery)) {
      this.record?.queued(delivery)
      if (goesOut) this.pump()
      return
    }
    this.#statistics.messagesDropped++
    this.#link?.end(ReasonCode.quotaExceeded, 'too slow for what it has subscribed to')
  }

  #deliverAtMostOnce(publication: Publication, recipient: Recipient, retain: boolean): void {
    const link = this.#link
    if (link === undefined) return
    if (link.isCongested) {
      this.#statistics.messagesDropped++
      return
    }
    const isPlain = !retain && recipient.identifiers.length === 0 && link.aliases === undefined
    const plain = isPlain ? publication.plain(link.version) : undefined
    if (plain === undefined) {
      this.#write(link, publication, {
        qos: 0,
        retain,
        isDuplicate: false,
        packetId: 0,
        subscriptionIdentifiers: recipient.identifiers,
      })
    } else if (plain.length <= link.maxPacketBytes) {
      this.#statistics.messagesSent++
      link.send(plain)
    }
  }

  #send(link: Link, delivery: Delivery, packetId: number, isDuplicate: boolean): void {
    const { publication, qos, retain, identifiers: subscriptionIdentifiers } = delivery
    const fields = { qos, retain, isDuplicate, packetId, subscriptionIdentifiers }
    if (!this.#write(link, publication, fields)) this.#end(packetId)
  }

  /** [MQTT-3.1.2-24]: what is too long for the client is not sent, as if it had been. Returns whether it was. */
  #write(
    link: Link,
    publication: Publication,
    fields: Omit<PublishHeader, 'version' | 'alias'>,
  ): boolean {
    const topic = publication.topic.name
    const alias = link.aliases?.of(topic)
    const header = { ...fields, version: link.version, alias }
    const bytes = publication.encode(header, this.#clock.monotonic())
    if (bytes.length > link.maxPacketBytes) {
      if (alias?.isKnown === false) link.aliases?.takeBack(topic)
      return false
    }
    this.#statistics.messagesSent++
    link.send(bytes)
    return true
  }
}
