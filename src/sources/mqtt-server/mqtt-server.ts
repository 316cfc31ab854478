/**
 * An MQTT 3.1, 3.1.1 and 5.0 server. Messages on topics that the connector takes go to its intake
 * and are acknowledged when they are stored. All messages go to their subscribers, as with any
 * broker.
 */
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../../clock.ts'
import type { PipelineObserver } from '../../observer.ts'
import type { ConnectedClients, Intake, ReceiptOutlet, Source } from '../source.ts'
import { type AccessControl, everythingPermitted } from './access/access-control.ts'
import { Broker } from './broker/broker.ts'
import { MqttReceiptOutlet } from './broker/receipt-outlet.ts'
import type { ServerContext } from './broker/server-context.ts'
import { ServerReports } from './broker/server-reports.ts'
import { SystemTopics } from './broker/system-topics.ts'
import { Connection } from './connection/connection.ts'
import { FlushQueue } from './connection/socket-writer.ts'
import { clientsOf } from './handlers/connected-clients.ts'
import { dropForbiddenSubscriptions } from './handlers/subscribe.ts'
import { DEFAULT_LIMITS, type MqttLimits } from './limits/limits.ts'
import { LoopTurns } from './limits/loop-turns.ts'
import type { Arrival } from './listeners/listener.ts'
import { Listeners } from './listeners/listeners.ts'
import type { LimitOptions, MqttServerSettings } from './options.ts'
import { ReasonCode } from './packets/protocol.ts'
import { restore } from './sessions/restore-sessions.ts'
import type { SessionStore } from './sessions/store/session-store.ts'

export interface MqttServerParts {
  /** For limits that are left out, the documented defaults apply. */
  readonly options: MqttServerSettings & { readonly limits?: Partial<LimitOptions> }
  readonly observer: PipelineObserver
  readonly clock: Clock
  /** Topics that only the connector itself publishes to. */
  readonly protectedTopics: readonly string[]
  /** The connector's version, for `$SYS/broker/version`. */
  readonly version?: string
  /** Replaces the access control that the options describe. */
  readonly access?: AccessControl
  /** Keeps sessions and retained messages over restarts. Without it they end with the process. */
  readonly store?: SessionStore | undefined
  /** For tests: these replace limits of the options. */
  readonly limits?: Partial<MqttLimits>
}

const SWEEP_MS = 1_000
/** How long `close` waits for clients to read their last bytes. */
const CLOSE_MS = 1_000

export class MqttServer implements Source {
  readonly name = 'mqttServer'
  readonly #parts: MqttServerParts
  readonly #connections = new Set<Connection>()
  readonly #sockets = new Set<Duplex>()
  readonly #turns = new LoopTurns()
  readonly #flushes = new FlushQueue(this.#turns)
  readonly #reports: ServerReports
  readonly #outlet: MqttReceiptOutlet
  #listeners: Listeners | undefined
  #context: ServerContext | undefined
  #system: SystemTopics | undefined
  #startedAtMs = 0
  #sweepTimer: Timer | undefined

  constructor(parts: MqttServerParts) {
    this.#parts = parts
    this.#reports = new ServerReports(parts.observer, this.name)
    this.#outlet = new MqttReceiptOutlet(this.#reports)
  }

  get description(): string {
    return this.#listeners?.urls.join(', ') ?? 'mqtt://'
  }

  /** The port that is bound for plain TCP; before `start` the configured one. */
  get port(): number {
    return this.#listeners?.portOf('mqtt') ?? this.#parts.options.port
  }

  /** The port that is bound for another transport; 0 if it is not configured. */
  portOf(scheme: 'mqtts' | 'ws' | 'wss'): number {
    return this.#listeners?.portOf(scheme) ?? 0
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** PUBLISH packets, those that the connector does not store included. */
  get received(): number {
    return this.#context?.broker.statistics.messagesReceived ?? 0
  }

  get clients(): ConnectedClients {
    return clientsOf(this.#context?.broker.clients ?? new Set(), this.#parts.clock)
  }

  get outlet(): ReceiptOutlet {
    return this.#outlet
  }

  async start(intake: Intake): Promise<void> {
    if (this.#listeners !== undefined) return
    const { options, observer, clock, protectedTopics } = this.#parts
    const limits = { ...limitsOf(options.limits), ...this.#parts.limits }
    const { name } = this
    const listeners = new Listeners({
      options,
      limits,
      clock,
      observer,
      name,
      onReloaded: () => this.#recheck(),
    })
    const ownAccess = await listeners.readAccess()
    const access = this.#parts.access ?? ownAccess
    const kept = await this.#parts.store?.open()
    const reports = this.#reports
    const { store } = this.#parts
    const turns = this.#turns
    const broker = new Broker({
      intake,
      limits,
      clock,
      reports,
      protectedTopics,
      access,
      store,
      turns,
    })
    const context = {
      broker,
      access,
      limits,
      clock,
      reports,
      revealsRefusals: options.revealRefusals,
    }
    intake.listen(broker.commitGate)
    if (kept !== undefined) {
      const { retained, sessions } = broker
      reports.notRestored(restore({ clock, limits, retained, sessions }, kept))
    }
    this.#listeners = listeners
    this.#context = context
    this.#outlet.open(broker)
    this.#system = new SystemTopics(broker)
    this.#startedAtMs = clock.monotonic()
    this.#recheck()
    await listeners.open((arrival) => this.#accept(arrival, context))
    this.#sweep()
  }

  /**
   * Reads certificates, users and rules again. Clients stay connected if they are still allowed.
   */
  async reload(): Promise<void> {
    await this.#listeners?.reload()
  }

  async stopIntake(): Promise<void> {
    this.#context?.broker.commitGate.stop()
    this.#listeners?.shut()
  }

  async close(): Promise<void> {
    await this.stopIntake()
    this.#sweepTimer?.cancel()
    this.#sweepTimer = undefined
    for (const connection of [...this.#connections]) {
      connection.end(ReasonCode.serverShuttingDown, 'the server is shutting down')
    }
    const deadline = setTimeout(() => this.#listeners?.destroySockets(), CLOSE_MS)
    await Promise.all([...this.#sockets].map((socket) => closed(socket)))
    clearTimeout(deadline)
    // Sockets on which no CONNECT has arrived.
    this.#listeners?.destroySockets()
    await this.#parts.store?.close()
  }

  #accept(arrival: Arrival, context: ServerContext): void {
    const { socket } = arrival
    const connection = new Connection({
      arrival,
      context,
      flushes: this.#flushes,
      turns: this.#turns,
      onClosed: (gone) => {
        this.#connections.delete(gone)
        this.#sockets.delete(socket)
      },
    })
    this.#connections.add(connection)
    this.#sockets.add(socket)
    connection.open()
  }

  /** Users and rules may have changed. Applies them to all sessions, also of offline clients. */
  #recheck(): void {
    if (this.#context === undefined) return
    const { broker, access } = this.#context
    for (const connection of [...this.#connections]) connection.recheck()
    for (const session of broker.sessions.values()) {
      const { userName, clientId, link } = session
      const permissions = link?.permissions ?? access.permissionsOf(userName, clientId)
      dropForbiddenSubscriptions(broker.subscriptions, session, permissions)
      if (permissions !== everythingPermitted) session.dropForbidden(permissions)
    }
  }

  /** All that depends on time, once a second for all connections together. */
  #sweep(): void {
    const nowMs = this.#parts.clock.monotonic()
    for (const connection of this.#connections) connection.sweep(nowMs)
    this.#context?.broker.sessions.sweep()
    this.#system?.sweep(nowMs, () => ({
      version: `iot-analytics-connector ${this.#parts.version ?? 'unknown'}`,
      clientsConnected: this.#connections.size,
      uptimeS: Math.round((nowMs - this.#startedAtMs) / 1000),
    }))
    this.#sweepTimer = this.#parts.clock.after(SWEEP_MS, () => this.#sweep())
  }
}

async function closed(socket: Duplex): Promise<void> {
  if (!socket.closed) await once(socket, 'close').catch(() => undefined)
}

function limitsOf(limits: Partial<LimitOptions> = {}): MqttLimits {
  const { maxUnacknowledged, maxSubscriptions, maxMessagesPerSecond, ...withoutCounts } = limits
  const { maxSharedSubscriptions, maxFilterBytes, ...withoutFilters } = withoutCounts
  const { connectTimeout, maxKeepAlive, ...others } = withoutFilters
  return {
    ...DEFAULT_LIMITS,
    ...others,
    receiveMaximum: maxUnacknowledged ?? DEFAULT_LIMITS.receiveMaximum,
    maxSubscriptionsPerClient: maxSubscriptions ?? DEFAULT_LIMITS.maxSubscriptionsPerClient,
    maxSharedSubscriptionsPerClient:
      maxSharedSubscriptions ?? DEFAULT_LIMITS.maxSharedSubscriptionsPerClient,
    maxFilterBytesPerClient: maxFilterBytes ?? DEFAULT_LIMITS.maxFilterBytesPerClient,
    maxMessagesPerSecond: maxMessagesPerSecond ?? DEFAULT_LIMITS.maxMessagesPerSecond,
    connectTimeoutMs: connectTimeout ?? DEFAULT_LIMITS.connectTimeoutMs,
    maxKeepAliveS: maxKeepAlive === undefined ? DEFAULT_LIMITS.maxKeepAliveS : maxKeepAlive / 1_000,
  }
}
