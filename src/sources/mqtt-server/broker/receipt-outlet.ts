/** Sends receipts to the subscribers of their topic: many payloads in one buffer and one write. */
import type { ReplyTo } from '../../../message.ts'
import { isTopicName } from '../../../topics.ts'
import type { PackedPayloads, ReceiptOutlet } from '../../source.ts'
import { encodeForwarded } from '../packets/properties.ts'
import type { ProtocolVersion } from '../packets/protocol.ts'
import { Session } from '../sessions/session.ts'
import { encodeManyPublishes, Publication } from '../topics/publication.ts'
import { nextMember, type Recipient } from '../topics/subscriptions.ts'
import type { Topic } from '../topics/topic-cache.ts'
import type { Broker } from './broker.ts'
import type { ServerReports } from './server-reports.ts'

/** QoS 1, so that a subscriber can have receipts that are not lost on the way. */
const RECEIPT = { qos: 1, retain: false, properties: {} } as const

/** Replies that may wait for a turn; further ones are dropped and counted. */
const MAX_WAITING_REPLIES = 1_000

export class MqttReceiptOutlet implements ReceiptOutlet {
  readonly #reports: ServerReports
  #waitingReplies = 0
  /** Undefined until the server starts: it has no subscribers before. */
  #broker: Broker | undefined

  constructor(reports: ServerReports) {
    this.#reports = reports
  }

  open(broker: Broker): void {
    this.#broker = broker
  }

  hasListeners(topic: string): boolean {
    const broker = this.#broker
    return broker?.hasSubscribers(broker.topics.named(topic)) ?? false
  }

  publish(topicName: string, payloads: PackedPayloads): void {
    const broker = this.#broker
    if (broker === undefined) return
    const topic = broker.topics.named(topicName)
    const { recipients, groups } = broker.subscriptions.audienceOf(topic)
    if (recipients.length === 0 && groups.length === 0) return
    const batch = new ReceiptBatch(topic, payloads)
    for (const recipient of recipients) this.#deliver(broker, batch, recipient)
    for (const group of groups) {
      const member = nextMember(group)
      if (member !== undefined) this.#deliver(broker, batch, member)
    }
  }

  reply(to: ReplyTo, payload: Buffer): void {
    const broker = this.#broker
    if (broker === undefined || !isTopicName(to.topic)) return
    const topic = broker.topics.named(to.topic)
    const isRefused = topic.isProtected || topic.fault !== undefined
    if (isRefused || this.#waitingReplies >= MAX_WAITING_REPLIES) {
      broker.statistics.messagesDropped++
      this.#reports.receiptsDropped(1)
      return
    }
    const { correlation: correlationData } = to
    const properties =
      correlationData === undefined ? {} : { forwarded: encodeForwarded({ correlationData }) }
    const place = { bytes: payload, payloadStart: 0, end: payload.length }
    this.#waitingReplies++
    // A topic that nobody has published to has to be compared with all filters.
    broker.inTurn(() => {
      this.#waitingReplies--
      broker.distribute(topic, { ...RECEIPT, ...place, properties }, undefined)
    })
  }

  #deliver({ statistics }: Broker, batch: ReceiptBatch, recipient: Recipient): void {
    const { subscriber, qos, identifiers } = recipient
    const link = subscriber instanceof Session ? subscriber.link : undefined
    if (qos > 0 || identifiers.length > 0 || (link?.maxPacketBytes ?? 0) < batch.longestBytes) {
      for (const publication of batch.publications) subscriber.deliver(publication, recipient)
      return
    }
    if (link === undefined) return
    if (link.isCongested) {
      statistics.messagesDropped += batch.count
      this.#reports.receiptsDropped(batch.count)
      return
    }
    statistics.messagesSent += batch.count
    link.send(batch.framed(link.version))
  }
}

/** The payloads of one call, framed at most once for each kind of subscriber. */
class ReceiptBatch {
  readonly count: number
  readonly #topic: Topic
  readonly #payloads: PackedPayloads
  #framed: Buffer | undefined
  #framed5: Buffer | undefined
  #publications: Publication[] | undefined

  constructor(topic: Topic, payloads: PackedPayloads) {
    this.#topic = topic
    this.#payloads = payloads
    this.count = payloads.count
  }

  /** An upper bound for the packets of the batch. */
  get longestBytes(): number {
    return this.#payloads.bytes.length + this.#topic.bytes.length + 16
  }

  framed(version: ProtocolVersion): Buffer {
    if (version === 5) {
      this.#framed5 ??= encodeManyPublishes(5, this.#topic.bytes, this.#payloads)
      return this.#framed5
    }
    this.#framed ??= encodeManyPublishes(version, this.#topic.bytes, this.#payloads)
    return this.#framed
  }

  get publications(): readonly Publication[] {
    this.#publications ??= this.#unpack()
    return this.#publications
  }

  #unpack(): Publication[] {
    const { bytes, ends, count } = this.#payloads
    const owned = Buffer.from(bytes.subarray(0, ends[count - 1] ?? 0))
    const publications: Publication[] = []
    for (let i = 0, start = 0; i < count; i++) {
      const end = ends[i] ?? start
      const received = { bytes: owned, payloadStart: start, end, ...RECEIPT }
      publications.push(new Publication(this.#topic, received, undefined))
      start = end
    }
    return publications
  }
}
