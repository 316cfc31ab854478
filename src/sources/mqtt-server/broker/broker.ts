/**
 * Everything the connections share: topics, subscriptions, retained messages, sessions, and the
 * way a message takes from here to its subscribers.
 */
import type { Clock } from '../../../clock.ts'
import type { ReplyTo } from '../../../message.ts'
import type { PipelineObserver } from '../../../observer.ts'
import type { Intake } from '../../source.ts'
import type { AccessControl } from '../access/access-control.ts'
import type { MqttLimits } from '../limits/limits.ts'
import type { Will } from '../packets/connect-packet.ts'
import type { Properties } from '../packets/properties.ts'
import { PublishPacket } from '../packets/publish-packet.ts'
import { SessionRecorder } from '../sessions/session-recorder.ts'
import { SessionRegistry } from '../sessions/session-registry.ts'
import type { SessionStore } from '../sessions/store/session-store.ts'
import { Publication, type ReceivedMessage } from '../topics/publication.ts'
import { RetainedMessages } from '../topics/retained-messages.ts'
import { Statistics } from '../topics/statistics.ts'
import {
  type Audience,
  nextMember,
  type Subscriber,
  Subscriptions,
} from '../topics/subscriptions.ts'
import { type Topic, TopicCache } from '../topics/topic-cache.ts'
import { CommitGate } from './commit-gate.ts'

export interface BrokerOptions {
  readonly intake: Intake
  readonly limits: MqttLimits
  readonly clock: Clock
  readonly observer: PipelineObserver
  readonly protectedTopics: readonly string[]
  readonly access: AccessControl
  /** Whether clients hear why they are refused. */
  readonly revealsRefusals: boolean
  /** Keeps sessions and retained messages beyond the process. */
  readonly store?: SessionStore | undefined
  /** The source's name, for the observer. */
  readonly name: string
}

export class Broker {
  readonly name: string
  readonly limits: MqttLimits
  readonly clock: Clock
  readonly observer: PipelineObserver
  readonly access: AccessControl
  readonly revealsRefusals: boolean
  readonly commitGate: CommitGate
  readonly topics: TopicCache
  readonly subscriptions = new Subscriptions()
  readonly retained: RetainedMessages
  readonly sessions: SessionRegistry
  readonly statistics = new Statistics()
  /** The one PUBLISH being read: reading the next overwrites it. */
  readonly incoming = new PublishPacket()
  readonly #recorder: SessionRecorder | undefined

  constructor(options: BrokerOptions) {
    this.name = options.name
    this.limits = options.limits
    this.clock = options.clock
    this.observer = options.observer
    this.access = options.access
    this.revealsRefusals = options.revealsRefusals
    this.#recorder = options.store && new SessionRecorder(options.store, options.clock)
    this.commitGate = new CommitGate(options.intake, this.#recorder, (cycle) => {
      this.sessions.forgetLost(cycle)
    })
    this.topics = new TopicCache(options.intake, options.protectedTopics)
    this.retained = new RetainedMessages(options.limits)
    this.sessions = new SessionRegistry({
      limits: options.limits,
      statistics: this.statistics,
      subscriptions: this.subscriptions,
      clock: options.clock,
      recorder: this.#recorder,
      publishWill: (will) => this.#publishWill(will),
    })
  }

  /**
   * Passes a message on to whoever listens, and keeps it when it is retained. Costs next to
   * nothing when nobody does and it is not.
   */
  distribute(topic: Topic, received: ReceivedMessage, publisher: Subscriber | undefined): void {
    const isHeard = this.isHeard(topic)
    if (!isHeard && !received.retain) return
    const publication = this.#publicationOf(topic, received)
    if (received.retain) this.#retain(topic, publication)
    if (!isHeard) return
    deliver(publication, this.subscriptions.audienceOf(topic), publisher)
    publication.forgetPackets()
  }

  /** A client was refused or cut off for what it sent or did. */
  tellRefused(remote: string, reason: string): void {
    this.observer.clientRefused(this.name, remote, reason)
  }

  /** Whether anybody has subscribed to the topic. */
  isHeard(topic: Topic): boolean {
    const { recipients, groups } = this.subscriptions.audienceOf(topic)
    return recipients.length > 0 || groups.length > 0
  }

  #retain(topic: Topic, publication: Publication): void {
    const isKept = this.retained.store(publication)
    // What the server says of itself is said anew after a start.
    if (!topic.isProtected) this.#recorder?.retained(publication, isKept)
    if (isKept) return
    this.observer.messageDropped(
      undefined,
      'MemoryFull',
      `no room to retain the message on ${topic.name}; it was passed on all the same`,
    )
  }

  #publicationOf(topic: Topic, received: ReceivedMessage): Publication {
    const expiryS = received.properties.messageExpiryIntervalS
    const expiresAtMs = expiryS === undefined ? undefined : this.clock.monotonic() + expiryS * 1000
    return new Publication(topic, received, expiresAtMs)
  }

  /** A will is a message like any other [MQTT-3.1.2-8]: where it has a route it is taken in. */
  #publishWill(will: Will): void {
    if (this.commitGate.isStopped) return
    const topic = this.topics.named(will.topic)
    if (topic.isProtected || topic.isTooLong) {
      this.observer.messageDropped(
        undefined,
        topic.isProtected ? 'NotAuthorized' : 'InvalidTopic',
        `a will may not be published to ${topic.name}`,
      )
      return
    }
    const { payload, properties } = will
    if (topic.route !== undefined) {
      const { intake } = this.commitGate
      const reply = replyTo(properties)
      const end = payload.length
      // Nobody would send a will again: one that can't be stored now is refused like any other.
      const outcome = intake.accept(topic.route, topic.name, payload, 0, end, reply, false)
      if (typeof outcome !== 'number') return
    }
    const { qos, retain } = will
    const received = {
      bytes: payload,
      payloadStart: 0,
      end: payload.length,
      qos,
      retain,
      properties,
    }
    this.distribute(topic, received, undefined)
  }
}

export function replyTo(properties: Properties): ReplyTo | undefined {
  if (properties.responseTopic === undefined) return undefined
  return { topic: properties.responseTopic, correlation: properties.correlationData }
}

function deliver(
  publication: Publication,
  audience: Audience,
  publisher: Subscriber | undefined,
): void {
  for (const recipient of audience.recipients) {
    // [MQTT-3.8.3-3]
    if (recipient.noLocal && recipient.subscriber === publisher) continue
    recipient.subscriber.deliver(publication, recipient)
  }
  for (const group of audience.groups) {
    const recipient = nextMember(group)
    recipient?.subscriber.deliver(publication, recipient)
  }
}
