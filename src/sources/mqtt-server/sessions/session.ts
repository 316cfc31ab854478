/**
 * The state that the server keeps for a client (section 3.1.2.4 / 4.1): subscriptions, messages on
 * their way to the client, and QoS 2 messages whose exchange is not complete. It may outlive the
 * connection.
 *
 *     QoS 2 in:   received(id, cycle) ──PUBREL──▶ forgetReceived(id)
 *     out:        deliver ──▶ queue ──pump──▶ in flight ──PUBACK, PUBCOMP──▶ complete(id)
 *                                    (at most the client's Receive Maximum)
 */

import type { Clock } from '../../../clock.ts'
import { NO_CYCLE } from '../../source.ts'
import type { Identity, Permissions } from '../access/access-control.ts'
import { addressGroup } from '../limits/address.ts'
import type { MqttLimits } from '../limits/limits.ts'
import type { Owner } from '../limits/owner.ts'
import type { Will } from '../packets/connect-packet.ts'
import { encodeAcknowledgement } from '../packets/control-packets.ts'
import { lowerQos, PacketType, ReasonCode } from '../packets/protocol.ts'
import type { Publication, PublishHeader } from '../topics/publication.ts'
import type { Statistics } from '../topics/statistics.ts'
import type { Recipient, Subscriber } from '../topics/subscriptions.ts'
import type { Link } from './link.ts'
import { type Delivery, type Inflight, OutgoingQueue, type QueueTotal } from './outgoing-queue.ts'
import { ReceivedIds, STORED_BEFORE } from './received-ids.ts'
import { type Replay, Replays } from './replays.ts'
import type { SessionRecord } from './session-recorder.ts'
import { SessionSubscriptions } from './session-subscriptions.ts'
import type { SessionState } from './store/session-state.ts'

interface SessionOptions {
  readonly clientId: string
  readonly owner: Owner
  readonly limits: MqttLimits
  readonly statistics: Statistics
  readonly clock: Clock
  readonly queued: QueueTotal
}

/** A session from the store, with times and messages in the form of this process. */
export interface RestoredSession {
  readonly kept: SessionState
  readonly will: Will | undefined
  readonly waiting: readonly Delivery[]
  readonly inflight: readonly { packetId: number; delivery: Delivery; isReleased: boolean }[]
}

/** The expiry interval of a session that never expires (section 3.1.2.11.2). */
export const NEVER_EXPIRES_S = 0xffff_ffff
/**
 * After a restart, skip this many packet ids past the last one recorded. It exceeds what can have
 * been in flight without being recorded, so no client can confuse a new message with an old one.
 */
const SKIPPED_IDS = 4_096
const MAX_PACKET_ID = 65_535
/** At most this many retained messages wait for a client at a time. */
const MAX_REPLAYED_WAITING = 64

export class Session implements Subscriber {
  readonly clientId: string
  /** The user that the session belongs to; undefined for an anonymous client. */
  readonly userName: string | undefined
  /** Of an anonymous client, as limits group addresses. Undefined after a restart. */
  address: string | undefined
  /** What all sessions of its user hold together. */
  readonly owner: Owner
  /** Who its last client proved to be; undefined if there was none since the start. */
  identity: Identity | undefined
  readonly subscriptions = new SessionSubscriptions()
  /** How long the session outlives its connection; 0: it ends with it. */
  expiryIntervalS = 0
  /** A time of the monotonic clock: when the session ends if no client connects. */
  expiresAtMs = Number.POSITIVE_INFINITY
  will: Will | undefined
  /** A time of the monotonic clock: when the will of a lost connection is published. */
  willDueAtMs = Number.POSITIVE_INFINITY
  /** Records changes in the store, while the session is to outlive the process. */
  record: SessionRecord | undefined
  readonly #limits: MqttLimits
  readonly #statistics: Statistics
  readonly #clock: Clock
  readonly #queued: QueueTotal
  #link: Link | undefined
  #queue: OutgoingQueue | undefined
  #receivedIds: ReceivedIds | undefined
  #nextSequence = 0
  /** What is in flight since an earlier connection and not sent again yet. */
  #resending: Iterator<[number, Inflight]> | undefined
  #hasEnded = false
  readonly #replays = new Replays()

  constructor({ clientId, owner, limits, statistics, clock, queued }: SessionOptions) {
    this.clientId = clientId
    this.userName = owner.name
    this.owner = owner
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

  get isKept(): boolean {
    return this.record !== undefined
  }

  /** The number of QoS 2 messages that were taken in and not released yet. */
  get receivedCount(): number {
    return this.#receivedIds?.size ?? 0
  }

  /**
   * The commit cycle of a QoS 2 message that was taken in and not released: it is not taken twice.
   */
  receivedIn(packetId: number): number | undefined {
    return this.#receivedIds?.cycleOf(packetId)
  }

  /** `finishedCycle` is the last cycle that has been reported. */
  received(packetId: number, cycle: number, finishedCycle: number): void {
    this.#receivedIds ??= new ReceivedIds()
    this.#receivedIds.add(packetId, cycle, finishedCycle)
    this.record?.received(packetId)
  }

  forgetReceived(packetId: number): void {
    if (this.#receivedIds?.delete(packetId) === true) this.record?.forgotten(packetId)
  }

  /** The commit cycle failed: forgets its QoS 2 messages, which were lost. */
  forgetLost(cycle: number): void {
    for (const packetId of this.#receivedIds?.idsOf(cycle) ?? []) this.forgetReceived(packetId)
  }

  attach(link: Link): void {
    this.#link = link
    if (this.userName === undefined) this.address = addressGroup(link.address)
    this.expiresAtMs = Number.POSITIVE_INFINITY
  }

  detach(): void {
    this.#link = undefined
    this.#resending = undefined
    this.#replays.clear()
  }

  /** The session has ended. */
  discard(): void {
    this.#hasEnded = true
    this.#queue?.clear()
    this.#queue = undefined
    this.#receivedIds = undefined
    this.subscriptions.clear()
  }

  /** Restores everything but subscriptions and times, which the registry sets. */
  restore({ kept, will, waiting, inflight }: RestoredSession): void {
    this.expiryIntervalS = kept.expiryIntervalS
    this.will = will
    for (const packetId of kept.receivedIds) {
      this.#receivedIds ??= new ReceivedIds()
      this.#receivedIds.add(packetId, STORED_BEFORE, NO_CYCLE)
    }
    const queue = new OutgoingQueue(this.#limits, this.#queued, this.owner)
    queue.continueAfter((kept.lastPacketId + SKIPPED_IDS) % MAX_PACKET_ID)
    for (const { packetId, delivery, isReleased } of inflight) {
      queue.restore(packetId, delivery, isReleased)
      this.#nextSequence = delivery.sequence + 1
    }
    for (const delivery of waiting) {
      this.#nextSequence = delivery.sequence + 1
      if (!queue.restoreWaiting(delivery)) this.#statistics.messagesDropped++
    }
    this.#queue = queue
  }

  /**
   * Drops messages that wait for the client and that it may no longer receive. Of messages in flight,
   * those are dropped that would be sent again.
   */
  dropForbidden(permissions: Permissions): void {
    const queue = this.#queue
    if (queue === undefined || queue.isEmpty) return
    const answers = new Map<string, boolean>()
    const isForbidden = ({ publication }: Delivery): boolean => {
      const topic = publication.topic.name
      const known = answers.get(topic) ?? !permissions.maySubscribe(topic)
      answers.set(topic, known)
      return known
    }
    for (const { sequence } of queue.dropWaiting(isForbidden)) {
      this.record?.dropped(sequence)
      this.#statistics.messagesDropped++
    }
    if (this.isOnline) return
    for (const [packetId, { delivery, isReleased }] of [...queue.inflight]) {
      if (!isReleased && isForbidden(delivery)) this.#dropInflight(packetId)
    }
  }

  deliver(publication: Publication, recipient: Recipient): void {
    const retain = publication.retain && recipient.retainAsPublished
    if (this.#deliver(publication, recipient, retain, true)) return
    this.#link?.end(ReasonCode.quotaExceeded, 'reads too slowly for its subscriptions')
  }

  /**
   * A message that was retained before the subscription: its flag stays set [MQTT-3.3.1-8]. If
   * `goesOut` is false, it waits for the next `pump` at QoS 1 and 2.
   */
  deliverRetained(publication: Publication, recipient: Recipient, goesOut: boolean): void {
    this.#deliver(publication, recipient, true, goesOut)
  }

  /** Whether `deliverRetained` can take the message without dropping it or cutting the client off. */
  hasRoomFor(publication: Publication, isQueued: boolean, goesOut: boolean): boolean {
    if (!isQueued) return this.#link?.isCongested !== true
    const queue = this.#queue
    if (queue === undefined || queue.isEmpty) return true
    return (!goesOut || queue.waitingCount < MAX_REPLAYED_WAITING) && queue.hasRoomFor(publication)
  }

  /** Delivers the messages of `replay`, after those of replays that are not done. */
  replay(replay: Replay): void {
    this.#replays.add(replay)
    if (this.#link !== undefined) this.#replays.proceed(this.#link)
  }

  /**
   * Sends everything in flight again [MQTT-4.4.0-1], then what waits. To be called after `attach`.
   */
  resume(): void {
    this.#resending = this.#queue?.inflight
    this.pump()
  }

  /** Sends waiting messages as far as flow control allows. */
  pump(): void {
    const link = this.#link
    if (link === undefined) return
    if (this.#queue !== undefined) this.#pumpQueue(link, this.#queue)
    if (!this.#replays.isEmpty) this.#replays.proceed(link)
  }

  /** The message in flight with this packet id. */
  inflight(packetId: number): Inflight | undefined {
    return this.#queue?.find(packetId)
  }

  /** PUBACK or PUBCOMP: the message has arrived. */
  complete(packetId: number): void {
    if (this.#complete(packetId)) this.pump()
  }

  /** PUBREC: from now on PUBREL is sent again, not PUBLISH. */
  release(packetId: number): void {
    const inflight = this.#queue?.find(packetId)
    if (inflight === undefined) return
    inflight.isReleased = true
    this.record?.released(packetId)
  }

  /** As far as the client reads. Returns whether everything has been sent again. */
  #resend(link: Link, resending: Iterator<[number, Inflight]>): boolean {
    while (!link.isCongested) {
      const { value, done } = resending.next()
      if (done === true) {
        this.#resending = undefined
        return true
      }
      const [packetId, { delivery, isReleased }] = value
      if (!isReleased && !link.permissions.maySubscribe(delivery.publication.topic.name)) {
        this.#dropInflight(packetId)
      } else if (isReleased) {
        link.send(encodeAcknowledgement(PacketType.pubrel, link.version, packetId))
      } else {
        this.#send(link, delivery, packetId, true)
      }
    }
    return false
  }

  #pumpQueue(link: Link, queue: OutgoingQueue): void {
    if (this.#resending !== undefined && !this.#resend(link, this.#resending)) return
    const window = Math.min(link.receiveMaximum, this.#limits.maxInflight)
    while (queue.inflightCount < window && !link.isCongested) {
      const delivery = queue.take(this.#clock.monotonic())
      if (delivery === undefined) return
      const packetId = queue.send(delivery)
      this.record?.sent(delivery.sequence, packetId)
      this.#send(link, delivery, packetId, false)
    }
  }

  #dropInflight(packetId: number): void {
    this.#complete(packetId)
    this.#statistics.messagesDropped++
  }

  #complete(packetId: number): boolean {
    const isComplete = this.#queue?.complete(packetId) ?? false
    if (isComplete) this.record?.settled(packetId)
    return isComplete
  }

  /** Returns false if the queue is full: then the message is dropped and counted. */
  #deliver(
    publication: Publication,
    recipient: Recipient,
    retain: boolean,
    goesOut: boolean,
  ): boolean {
    const qos = lowerQos(publication.qos, recipient.qos)
    if (qos === 0) {
      this.#deliverAtMostOnce(publication, recipient, retain)
      return true
    }
    // It may end while a message is on its way to it, because of what other subscribers do.
    if (this.#hasEnded) return true
    this.#queue ??= new OutgoingQueue(this.#limits, this.#queued, this.owner)
    const delivery = {
      sequence: this.#nextSequence++,
      publication,
      qos,
      retain,
      identifiers: recipient.identifiers,
    }
    if (!this.#queue.offer(delivery)) {
      this.#statistics.messagesDropped++
      return false
    }
    this.record?.queued(delivery)
    if (goesOut) this.pump()
    return true
  }

  #deliverAtMostOnce(publication: Publication, recipient: Recipient, retain: boolean): void {
    const link = this.#link
    if (link === undefined) return
    if (link.isCongested) {
      this.#statistics.messagesDropped++
      return
    }
    const isPlain = !retain && recipient.identifiers.length === 0 && link.aliases === undefined
    const nowMs = publication.expiresAtMs === undefined ? 0 : this.#clock.monotonic()
    const plain = isPlain ? publication.plain(link.version, nowMs) : undefined
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
    if (!this.#write(link, publication, fields)) this.#complete(packetId)
  }

  /**
   * Returns false if the packet is too long for the client: then the message counts as sent and
   * acknowledged [MQTT-3.1.2-24].
   */
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
