/**
 * Publishes wills. A will is a message like any other [MQTT-3.1.2-8]: if its topic has a route, it is
 * taken in. Its user must have the rights for it when it goes out, not only when it was set.
 */
import type { Refusal } from '../../../message.ts'
import { shown } from '../../../shown-text.ts'
import type { AccessControl } from '../access/access-control.ts'
import type { Owner } from '../limits/owner.ts'
import { type Will, willProperties } from '../packets/connect-packet.ts'
import type { Session } from '../sessions/session.ts'
import type { ReceivedMessage } from '../topics/publication.ts'
import type { Topic, TopicCache } from '../topics/topic-cache.ts'
import type { CommitGate } from './commit-gate.ts'
import { replyTo } from './reply-to.ts'
import type { ServerReports } from './server-reports.ts'

/** What of the broker a will passes through. */
interface WillBroker {
  readonly commitGate: CommitGate
  readonly topics: TopicCache
  readonly sessions: { readonly owners: { of(userName: string | undefined): Owner } }
  distribute(topic: Topic, received: ReceivedMessage, publisher: undefined, owner: Owner): void
}

interface WillPublisherOptions {
  readonly broker: WillBroker
  /** Without it, all wills are published. */
  readonly access: AccessControl | undefined
  readonly reports: ServerReports
}

export class WillPublisher {
  readonly #broker: WillBroker
  readonly #access: AccessControl | undefined
  readonly #reports: ServerReports

  constructor({ broker, access, reports }: WillPublisherOptions) {
    this.#broker = broker
    this.#access = access
    this.#reports = reports
  }

  publish(will: Will, session: Session): void {
    const { commitGate, topics } = this.#broker
    if (commitGate.isStopped) return
    if (!this.#mayPublish(will, session)) {
      const message = 'the rights that a client had when it set its will were taken away'
      this.#reports.messageDropped({ error: 'NotAuthorized', message })
      return
    }
    const topic = topics.named(will.topic)
    const refusal = refusalOf(topic)
    if (refusal === undefined) this.#pass(topic, will, session)
    else this.#reports.messageDropped(refusal)
  }

  #pass(topic: Topic, will: Will, { userName }: Session): void {
    const { payload, qos, retain } = will
    const properties = willProperties(will)
    const end = payload.length
    if (topic.route !== undefined) {
      const { intake } = this.#broker.commitGate
      // No client would send a will again, so one that can't be stored now is refused.
      const reply = replyTo(properties)
      const outcome = intake.accept(topic.route, topic.name, payload, 0, end, reply, false)
      if (typeof outcome !== 'number') return
    }
    const received = { bytes: payload, payloadStart: 0, end, qos, retain, properties }
    const owner = this.#broker.sessions.owners.of(userName)
    this.#broker.distribute(topic, received, undefined, owner)
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
}

function refusalOf(topic: Topic): Refusal | undefined {
  if (topic.fault !== undefined) return { error: 'InvalidTopic', message: topic.fault }
  if (!topic.isProtected) return undefined
  return {
    error: 'NotAuthorized',
    message: `a will may not be published to ${shown(topic.name)}`,
  }
}
