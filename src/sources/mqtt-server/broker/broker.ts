/**
 * Topics, subscriptions, retained messages and sessions of one server, and how a message gets to
 * its subscribers. A connection takes messages in; the broker passes them on and publishes wills.
 */
import type { Clock } from '../../../clock.ts'
import type { Intake } from '../../source.ts'
import type { AccessControl } from '../access/access-control.ts'
import { ConnectionBytes } from '../limits/connection-bytes.ts'
import type { MqttLimits } from '../limits/limits.ts'
import { LoopTurns } from '../limits/loop-turns.ts'
import type { Owner } from '../limits/owner.ts'
import {
  WORK_OF_A_SHARED_PACKET,
  WORK_OF_RETAINING,
  WorkMeter,
  workOfBytes,
} from '../limits/work.ts'
import type { Link } from '../sessions/link.ts'
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
import { AckDelays } from './ack-delays.ts'
import { CommitGate } from './commit-gate.ts'
import type { ServerReports } from './server-reports.ts'
import { WillPublisher } from './will-publisher.ts'

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

/** A connected client, with what the operator is shown of it. */
export interface ConnectedLink {
  readonly session: Session
  readonly link: Link
  /** When the connection began; milliseconds since 1970. */
  readonly since: number
  /** PUBLISH packets of this connection. */
  readonly received: number
  /** The topic of the last one that was not refused, and when it came, by the monotonic clock. */
  readonly lastTopic: string | undefined
  readonly lastMessageAt: number
}

export class Broker {
  readonly commitGate: CommitGate
  readonly topics: TopicCache
  /** The work that messages and subscriptions have caused. */
  readonly work = new WorkMeter()
  readonly subscriptions: Subscriptions
  readonly retained: RetainedMessages
  readonly sessions: SessionRegistry
  readonly statistics = new Statistics()
  readonly clients = new Set<ConnectedLink>()
  readonly connectionBytes: ConnectionBytes
  readonly #turns: LoopTurns
  readonly #clock: Clock
  readonly #reports: ServerReports
  readonly #recorder: SessionRecorder | undefined

  constructor(options: BrokerOptions) {
    this.subscriptions = new Subscriptions(this.work, options.limits.maxFilterLevelsOfAll)
    this.#turns = options.turns ?? new LoopTurns()
    this.#clock = options.clock
    this.#reports = options.reports
    this.#recorder = options.store && new SessionRecorder(options.store, options.clock)
    this.commitGate = new CommitGate(
      options.intake,
      this.#recorder,
      (cycle) => this.sessions.forgetLost(cycle),
      new AckDelays(options.clock, options.reports),
    )
    this.connectionBytes = new ConnectionBytes(options.limits)
    this.topics = new TopicCache(
      options.intake,
      options.protectedTopics,
      options.limits.maxTopicLevels,
    )
    this.retained = new RetainedMessages(options.limits, (owner) => {
      this.sessions.owners.released(owner)
    })
    const wills = new WillPublisher({
      broker: this,
      access: options.access,
      reports: this.#reports,
    })
    this.sessions = new SessionRegistry({
      limits: options.limits,
      statistics: this.statistics,
      subscriptions: this.subscriptions,
      clock: options.clock,
      recorder: this.#recorder,
      publishWill: (will, done, session) =>
        this.inTurn(() => {
          wills.publish(will, session)
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
    const copied = workOfBytes(publication.payloadBytes) * audience.recipients.length
    const sharing = publication.qos === 0 ? audience.recipients.length : 0
    this.work.done += copied + audience.work - sharing * (1 - WORK_OF_A_SHARED_PACKET)
    deliver(publication, audience, publisher)
    publication.forgetPackets()
  }

  /** Whether a message on the topic has to survive the process, and the store fails now. */
  cannotKeep(topic: Topic, isRetained: boolean): boolean {
    if (this.#recorder?.isFailing !== true) return false
    if (isRetained) return true
    const { recipients, groups } = this.subscriptions.audienceOf(topic)
    if (recipients.some(({ subscriber, qos }) => qos > 0 && subscriber.isKept)) return true
    return groups.some(({ members }) => [...members.keys()].some(({ isKept }) => isKept))
  }

  /** Whether the topic has a subscriber. */
  hasSubscribers(topic: Topic): boolean {
    const { recipients, groups } = this.subscriptions.audienceOf(topic)
    return recipients.length > 0 || groups.length > 0
  }

  #retain(topic: Topic, publication: Publication, owner: Owner | undefined): void {
    this.work.done += WORK_OF_RETAINING
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
