/**
 * Topics, subscriptions, retained messages and sessions of one server, and how a message gets to
 * its subscribers. A connection takes messages in; the broker passes them on and publishes wills.
 */
import type { Clock } from '../../../clock.ts'
import type { ReplyTo } from '../../../message.ts'
import { shown } from '../../../shown-text.ts'
import type { Intake } from '../../source.ts'
import type { AccessControl } from '../access/access-control.ts'
import type { MqttLimits } from '../limits/limits.ts'
import { LoopTurns } from '../limits/loop-turns.ts'
import type { Owner } from '../limits/owner.ts'
import { SharedBound } from '../limits/shared-bound.ts'
import { WorkMeter, workOfBytes } from '../limits/work.ts'
import { type Will, willProperties } from '../packets/connect-packet.ts'
import { ownBytes } from '../packets/packet-reader.ts'
import type { Properties } from '../packets/properties.ts'
import type { Session } from '../sessions/session.ts'
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
import type { ServerReports } from './server-reports.ts'

export interface BrokerOptions {
  readonly intake: Intake
  readonly limits: MqttLimits
  readonly clock: Clock
  readonly reports: ServerReports
  readonly protectedTopics: readonly string[]
  /** Asked before a will is published. Without it, all wills are. */
  readonly access?: AccessControl
  /** Keeps sessions and retained messages beyond the process. */
  readonly store?: SessionStore | undefined
  readonly turns?: LoopTurns
}

/** How many times what is free the topic aliases of one client may take. */
const ALIAS_PORTION = 1 / 64

export class Broker {
  readonly commitGate: CommitGate
  readonly topics: TopicCache
  /** The work that messages and subscriptions have caused. */
  readonly work = new WorkMeter()
  readonly subscriptions: Subscriptions
  readonly retained: RetainedMessages
  readonly sessions: SessionRegistry
  readonly statistics = new Statistics()
  /** The bytes that wait in the sockets of all clients. */
  readonly outgoingBytes: SharedBound
  /** What is kept for the topic aliases of all clients. */
  readonly aliasBytes: SharedBound
  readonly #turns: LoopTurns
  readonly #access: AccessControl | undefined
  readonly #clock: Clock
  readonly #reports: ServerReports
  readonly #recorder: SessionRecorder | undefined

  constructor(options: BrokerOptions) {
    this.subscriptions = new Subscriptions(this.work, options.limits.maxFilterLevelsOfAll)
    this.#turns = options.turns ?? new LoopTurns()
    this.#access = options.access
    this.#clock = options.clock
    this.#reports = options.reports
    this.#recorder = options.store && new SessionRecorder(options.store, options.clock)
    this.commitGate = new CommitGate(options.intake, this.#recorder, (cycle) => {
      this.sessions.forgetLost(cycle)
    })
    this.aliasBytes = new SharedBound(options.limits.maxTopicAliasBytesOfAll, ALIAS_PORTION)
    const { maxOutgoingBytes, maxOutgoingBytesOfAll } = options.limits
    this.outgoingBytes = new SharedBound(
      maxOutgoingBytesOfAll,
      SharedBound.portionFor(maxOutgoingBytesOfAll, maxOutgoingBytes),
    )
    this.topics = new TopicCache(
      options.intake,
      options.protectedTopics,
      options.limits.maxTopicLevels,
    )
    this.retained = new RetainedMessages(options.limits, (owner) => {
      this.sessions.owners.released(owner)
    })
    this.sessions = new SessionRegistry({
      limits: options.limits,
      statistics: this.statistics,
      subscriptions: this.subscriptions,
      clock: options.clock,
      recorder: this.#recorder,
      publishWill: (will, done, session) =>
        this.inTurn(() => {
          this.#publishWill(will, session)
          done()
        }),
    })
  }

  /**
   * Passes a message on to its subscribers, and keeps it if it is retained. If neither applies,
   * this costs a lookup of the audience and no more. A retained message counts for `owner`.
   */
  distribute(
    topic: Topic,
    received: ReceivedMessage,
    publisher: Session | undefined,
    owner = publisher?.owner,
  ): void {
    const hasSubscribers = this.hasSubscribers(topic)
    if (!hasSubscribers && !received.retain) return
    const publication = this.#publicationOf(topic, received)
    if (received.retain) this.#retain(topic, publication, owner)
    if (!hasSubscribers) return
    const audience = this.subscriptions.audienceOf(topic)
    const encoded = workOfBytes(publication.heldBytes) * audience.recipients.length
    this.work.done += audience.work + encoded
    deliver(publication, audience, publisher)
    publication.forgetPackets()
  }

  /** Whether the topic has a subscriber. */
  hasSubscribers(topic: Topic): boolean {
    const { recipients, groups } = this.subscriptions.audienceOf(topic)
    return recipients.length > 0 || groups.length > 0
  }

  #retain(topic: Topic, publication: Publication, owner: Owner | undefined): void {
    const isKept = this.retained.store(publication, owner)
    // The server publishes its own topics again after a start.
    if (!topic.isProtected) this.#recorder?.retained(publication, isKept)
    if (isKept) return
    this.#reports.messageDropped({
      error: 'MemoryFull',
      message: `no room to retain the message on ${topic.name}; it was only passed on to subscribers`,
    })
  }

  #publicationOf(topic: Topic, received: ReceivedMessage): Publication {
    const expiryS = received.properties.messageExpiryIntervalS
    const expiresAtMs = expiryS === undefined ? undefined : this.#clock.monotonic() + expiryS * 1000
    return new Publication(topic, received, expiresAtMs)
  }

  /**
   * Does work that no client waits for: now, or in a later turn if this one is spent, in the order
   * of the calls.
   */
  inTurn(call: () => void): void {
    const metered = (): void => {
      const before = this.work.done
      call()
      this.#turns.spend(1 + this.work.done - before)
    }
    if (this.#turns.isSpent) this.#turns.next(metered)
    else metered()
  }

  /** Whether the user of the session still exists and may publish the will. */
  #mayPublish(will: Will, { userName, clientId, identity }: Session): boolean {
    if (this.#access === undefined) return true
    if (!this.#access.isCurrent(identity ?? { userName })) return false
    const permissions = this.#access.permissionsOf(userName, clientId)
    const { responseTopic } = willProperties(will)
    if (!permissions.mayPublish(will.topic)) return false
    return responseTopic === undefined || permissions.mayPublish(responseTopic)
  }

  /**
   * A will is a message like any other [MQTT-3.1.2-8]: if its topic has a route, it is taken in.
   */
  #publishWill(will: Will, session: Session): void {
    if (this.commitGate.isStopped) return
    if (!this.#mayPublish(will, session)) {
      const message = 'the rights that a client had when it set its will were taken away'
      this.#reports.messageDropped({ error: 'NotAuthorized', message })
      return
    }
    const topic = this.topics.named(will.topic)
    if (topic.isProtected || topic.fault !== undefined) {
      this.#reports.messageDropped({
        error: topic.fault === undefined ? 'NotAuthorized' : 'InvalidTopic',
        message: topic.fault ?? `a will may not be published to ${shown(topic.name)}`,
      })
      return
    }
    const { payload } = will
    const properties = willProperties(will)
    if (topic.route !== undefined) {
      const { intake } = this.commitGate
      const reply = replyTo(properties)
      const end = payload.length
      // No client would send a will again, so one that can't be stored now is refused.
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
    this.distribute(topic, received, undefined, this.sessions.owners.of(session.userName))
  }
}

/** It outlives the packet whose properties these are. */
export function replyTo({ responseTopic, correlationData }: Properties): ReplyTo | undefined {
  if (responseTopic === undefined) return undefined
  return { topic: responseTopic, correlation: correlationData && ownBytes(correlationData) }
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
