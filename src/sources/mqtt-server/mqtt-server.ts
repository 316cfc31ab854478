/**
 * The front door: an MQTT 3.1, 3.1.1 and 5.0 server. Messages on topics that mean something to the
 * connector go to its intake and are acknowledged when they are stored; all messages go to whoever
 * subscribes to them, as with any broker.
 */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock, Timer } from '../../clock.ts'
import { ConnectorError, messageOf, systemCodeOf } from '../../errors.ts'
import type { PipelineObserver } from '../../observer.ts'
import type { Intake, ReceiptOutlet, Source } from '../source.ts'
import { type AccessControl, everythingAllowed } from './access-control.ts'
import { Broker } from './broker.ts'
import { Connection } from './connection.ts'
import { DEFAULT_LIMITS, type MqttLimits } from './limits.ts'
import { MqttOutlet } from './mqtt-outlet.ts'
import type { MqttServerOptions } from './options.ts'
import { FlushQueue } from './outbox.ts'
import { ReasonCode } from './protocol.ts'
import { restore } from './restoring.ts'
import type { SessionStore } from './session-store.ts'
import { SystemTopics } from './system-topics.ts'

export interface MqttServerParts {
  readonly options: MqttServerOptions
  readonly observer: PipelineObserver
  readonly clock: Clock
  /** Topics that only the connector itself publishes to. */
  readonly protectedTopics: readonly string[]
  /** The product's, for `$SYS/broker/version`. */
  readonly version?: string
  /** Everything is allowed when it is left out. */
  readonly access?: AccessControl
  /** Keeps sessions and retained messages over restarts. They end with the process when it is left out. */
  readonly store?: SessionStore | undefined
  /** For tests; the defaults are what is documented. */
  readonly limits?: Partial<MqttLimits>
}

const SWEEP_MS = 1_000
/** How long `close` waits for clients to take their last bytes. */
const CLOSE_MS = 1_000
const BACKLOG = 1_024

export class MqttServer implements Source {
  readonly name = 'mqttServer'
  readonly #parts: MqttServerParts
  readonly #connections = new Set<Connection>()
  readonly #sockets = new Set<Socket>()
  readonly #flushes = new FlushQueue()
  readonly #outlet = new MqttOutlet()
  #server: Server | undefined
  #broker: Broker | undefined
  #system: SystemTopics | undefined
  #startedAtMs = 0
  #sweepTimer: Timer | undefined

  constructor(parts: MqttServerParts) {
    this.#parts = parts
  }

  get description(): string {
    return `mqtt://${hostForUrl(this.#parts.options.host)}:${this.port}`
  }

  /** The port that was bound; the configured one before `start`. */
  get port(): number {
    const address = this.#server?.address()
    return typeof address === 'object' && address !== null ? address.port : this.#parts.options.port
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  get outlet(): ReceiptOutlet {
    return this.#outlet
  }

  async start(intake: Intake): Promise<void> {
    if (this.#server !== undefined) return
    const { options, observer, clock, protectedTopics, limits } = this.#parts
    refuseOpenDoor(options)
    const kept = await this.#parts.store?.open()
    const broker = new Broker({
      intake,
      clock,
      observer,
      protectedTopics,
      access: this.#parts.access ?? everythingAllowed,
      limits: { ...DEFAULT_LIMITS, ...limits },
      name: this.name,
      store: this.#parts.store,
    })
    intake.listen(broker.acceptance)
    if (kept !== undefined) restore(broker, kept)
    this.#broker = broker
    this.#outlet.open(broker)
    this.#system = new SystemTopics(broker)
    this.#startedAtMs = clock.monotonic()
    this.#server = await listen(options, (socket) => this.#accept(socket, broker))
    this.#server.on('error', (error) => {
      // A connection could not be accepted (too many open files); the others go on.
      observer.clientRefused(this.name, 'unknown', messageOf(error))
    })
    this.#sweep()
  }

  async stopIntake(): Promise<void> {
    if (this.#broker !== undefined) this.#broker.acceptance.isStopped = true
    this.#server?.close()
  }

  async close(): Promise<void> {
    await this.stopIntake()
    this.#sweepTimer?.cancel()
    this.#sweepTimer = undefined
    for (const connection of [...this.#connections]) {
      connection.end(ReasonCode.serverShuttingDown, 'the server is shutting down')
    }
    const deadline = setTimeout(() => this.#destroySockets(), CLOSE_MS)
    await Promise.all([...this.#sockets].map((socket) => closed(socket)))
    clearTimeout(deadline)
    await this.#parts.store?.close()
  }

  #accept(socket: Socket, broker: Broker): void {
    socket.setNoDelay(true)
    const connection = new Connection({
      socket,
      remote: `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`,
      broker,
      flushes: this.#flushes,
      onClosed: (gone) => {
        this.#connections.delete(gone)
        this.#sockets.delete(socket)
      },
    })
    this.#connections.add(connection)
    this.#sockets.add(socket)
    connection.open()
  }

  /** Everything that goes by time, once a second for all connections together. */
  #sweep(): void {
    const nowMs = this.#parts.clock.monotonic()
    for (const connection of this.#connections) connection.sweep(nowMs)
    this.#broker?.sessions.sweep()
    this.#system?.sweep(nowMs, () => ({
      version: `iot-analytics-connector ${this.#parts.version ?? 'unknown'}`,
      clientsConnected: this.#connections.size,
      uptimeS: Math.round((nowMs - this.#startedAtMs) / 1000),
    }))
    this.#sweepTimer = this.#parts.clock.after(SWEEP_MS, () => this.#sweep())
  }

  #destroySockets(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await once(socket, 'close').catch(() => undefined)
}

async function listen(
  { host, port }: MqttServerOptions,
  onSocket: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer(onSocket)
  server.listen({ host, port, backlog: BACKLOG })
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    const hint =
      systemCodeOf(error) === 'EADDRINUSE'
        ? 'it is in use: stop what listens there (another MQTT broker?) or set another port in sources.mqttServer.port'
        : messageOf(error)
    throw new ConnectorError('AddressInUse', `cannot listen on ${host}:${port}: ${hint}`, {
      cause: error,
    })
  }
}

/** Beyond loopback nobody comes in unasked, unless that is what the configuration says. */
function refuseOpenDoor({ host, allowAnonymous }: MqttServerOptions): void {
  if (allowAnonymous || isLoopback(host)) return
  throw new ConnectorError(
    'InvalidConfiguration',
    `sources.mqttServer.host: ${host} can be reached from other machines, and no authentication is set up; ` +
      'write host: 127.0.0.1, or allowAnonymous: true beside it to let anyone who reaches the port publish',
  )
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function hostForUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
