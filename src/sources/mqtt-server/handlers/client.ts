/**
 * One connected client: its session, its connection and the broker. Every handler gets it with the
 * packet. It lives as long as the connection; the session may outlive it.
 */
import type { Clock } from '../../../clock.ts'
import type { Refusal } from '../../../message.ts'
import type { Identity } from '../access/access-control.ts'
import { type MaskedRefusal, maskRefusal } from '../access/refusal-masking.ts'
import type { Broker, ConnectedLink } from '../broker/broker.ts'
import type { ServerContext } from '../broker/server-context.ts'
import type { ServerReports } from '../broker/server-reports.ts'
import type { MqttLimits } from '../limits/limits.ts'
import type { Link } from '../sessions/link.ts'
import type { Session } from '../sessions/session.ts'
import type { Topic } from '../topics/topic-cache.ts'
import { PublishAcks } from './publish-acks.ts'

export interface ClientOptions {
  readonly context: ServerContext
  readonly session: Session
  readonly link: Link
  readonly identity: Identity
  /** Whether CONNECT asked for reason strings [MQTT-3.1.2-29]. */
  readonly wantsReasons: boolean
}

export class Client implements ConnectedLink {
  readonly broker: Broker
  readonly limits: MqttLimits
  readonly clock: Clock
  readonly reports: ServerReports
  readonly session: Session
  readonly link: Link
  readonly identity: Identity
  readonly wantsReasons: boolean
  /** What the client's topic aliases mean. Made when the client defines the first one. */
  topicAliases: Map<number, Topic> | undefined
  received = 0
  lastTopic: string | undefined
  lastMessageAt = 0
  readonly since: number
  readonly #revealsRefusals: boolean
  #acks: PublishAcks | undefined

  constructor({ context, session, link, identity, wantsReasons }: ClientOptions) {
    this.broker = context.broker
    this.limits = context.limits
    this.clock = context.clock
    this.since = context.clock.now()
    this.reports = context.reports
    this.#revealsRefusals = context.revealsRefusals
    this.session = session
    this.link = link
    this.identity = identity
    this.wantsReasons = wantsReasons
  }

  /** Made with the first PUBLISH, so that a client that never publishes has none. */
  get acks(): PublishAcks {
    this.#acks ??= new PublishAcks(this.broker.commitGate, this.session, this.link)
    return this.#acks
  }

  /** The connection takes over the session. */
  begin(): void {
    this.broker.statistics.connectionsOpened++
    this.broker.clients.add(this)
    this.session.attach(this.link)
    this.session.resume()
    this.reports.clientConnected(this.session.clientId)
  }

  /** The connection gives up the session. `hasWill` is false after a normal disconnection. */
  end(reason: string, hasWill: boolean): void {
    this.broker.clients.delete(this)
    this.broker.sessions.disconnected(this.session, hasWill)
    this.reports.clientDisconnected(this.session.clientId, reason)
  }

  /** The connection can send again: messages that wait for the client go on. */
  drained(): void {
    this.session.pump()
  }

  /** The connection is about to end without acknowledging messages that can't be stored. */
  reportSentAway(refusal: Refusal): void {
    this.reports.clientSentAway(this.session.clientId, refusal)
  }

  /** Sends the acknowledgements that wait for no commit, or for one that has been reported. */
  flushFinishedAcks(): void {
    this.#acks?.flushFinished()
  }

  /** What the client may learn of a refusal with this reason code of MQTT 5. */
  maskRefusal(code: number, reason: string): MaskedRefusal {
    return maskRefusal(code, reason, this.#revealsRefusals)
  }
}
