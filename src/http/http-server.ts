/**
 * The HTTP server: shows what a `ConnectorView` says. It is read-only, except for replays and
 * retries. It listens on loopback by default, and speaks HTTPS if it has a certificate. The same
 * routes are on the operator's socket, also if there is no port.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type FastifyInstance, type FastifyServerFactoryHandler, fastify } from 'fastify'
import { hostForUrl } from '../addresses.ts'
import { type Clock, systemClock } from '../clock.ts'
import { asConnectorError, ConnectorError, messageOf, systemCodeOf } from '../errors.ts'
import { FileWatch } from '../named-files/file-watch.ts'
import { handshakeFailure, serverTlsOptions } from '../named-files/server-tls.ts'
import { Access } from './access/access.ts'
import {
  filesOfHttp,
  type HttpAccess,
  noticesOfHttp,
  readHttpAccess,
} from './access/access-files.ts'
import { checkAccess } from './access/access-hook.ts'
import { OperatorSocket } from './access/operator-socket.ts'
import { sessionRoutes } from './access/session-routes.ts'
import { operatorRoutes } from './api/operator-routes.ts'
import { runningQueryRoutes } from './api/running-queries.ts'
import { BodyBudget } from './connections/body-budget.ts'
import { Connections, type ConnectionsOptions } from './connections/connections.ts'
import { RequestLimits } from './connections/request-limits.ts'
import { DashboardFiles, dashboardRoutes } from './dashboard-files.ts'
import { eventsRoute } from './live/events-route.ts'
import { LiveEvents } from './live/live-events.ts'
import type { HttpOptions } from './options.ts'
import { answerError, answerErrorsAsJson } from './requests/request-error.ts'
import { type BatchReceiver, batchPutMessageRoute } from './routes/batch-put-message.ts'
import { type ContentReceiver, datasetContentRoute } from './routes/dataset-contents.ts'
import { healthRoutes } from './routes/health.ts'
import { type ApiReceiver, iotAnalyticsApiRoutes } from './routes/iot-analytics-api.ts'
import { ledgerRoute } from './routes/ledger.ts'
import { metricsRoute } from './routes/metrics.ts'
import { type QueryReceiver, queryRoute } from './routes/query.ts'
import { RunningQueries } from './routes/running-queries.ts'
import { whyRoute } from './routes/why.ts'
import type { ConnectorView } from './views/connector-view.ts'

/** Bounds of what one peer may use. No request here needs to be large or slow. */
const MAX_HEADER_BYTES = 16 * 1024
const MAX_HEADERS = 100
const MAX_BODY_BYTES = 64 * 1024
/** Above the share of one address, so that `Connections` decides. */
const MAX_CONNECTIONS = 512
const HEADERS_TIMEOUT_MS = 5_000
/** For a TLS handshake; a request has its own time after it. */
const HANDSHAKE_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 10_000
const KEEP_ALIVE_TIMEOUT_MS = 30_000
/** How often Node looks for requests that are over their time. */
const CHECK_INTERVAL_MS = 1_000
/** How often files are looked at for changes. */
const WATCH_INTERVAL_MS = 1_000

export interface HttpServerOptions {
  readonly options: HttpOptions
  /** False: no port, and the operator's socket alone. */
  readonly hasPort?: boolean
  /** Where the operator's socket is made. The caller holds the directory's lock. */
  readonly socketDirectory?: string | undefined
  readonly view: ConnectorView
  /** Takes batches of messages, if the configuration lets it. */
  readonly batches?: BatchReceiver | undefined
  /** Runs SQL. */
  readonly queries?: QueryReceiver | undefined
  /** Performs the operations of AWS IoT Analytics, if the configuration lets it. */
  readonly api?: ApiReceiver | undefined
  /** Has the contents of datasets. */
  readonly contents?: ContentReceiver | undefined
  readonly clock?: Clock
  /** Called with a sentence for each setting that is not safe, at the start and after a reload. */
  readonly onInsecure?: (warning: string) => void
  /** Called when files were read again; with an error, everything stays as it was. */
  readonly onReloaded?: (error: ConnectorError | undefined) => void
  /** Called when a TLS handshake has failed. */
  readonly onRefused?: (remote: string, reason: string) => void
  /** For tests: other bounds than the defaults. */
  readonly bounds?: Omit<ConnectionsOptions, 'isPolling'>
  readonly timeouts?: {
    readonly headersMs: number
    readonly checkMs: number
    readonly handshakeMs?: number
  }
}

export class HttpServer {
  readonly #options: HttpServerOptions
  readonly #limits = new RequestLimits()
  readonly #connections: Connections
  readonly #watch: FileWatch
  readonly #clock: Clock
  readonly #events: LiveEvents
  readonly #routes = new Set<string>()
  readonly #dashboard = new DashboardFiles()
  #server: FastifyInstance | undefined
  #access: Access | undefined
  #socket: OperatorSocket | undefined
  /** A host name with several addresses has a server for each. */
  readonly #secureServers = new Set<HttpsServer>()

  constructor(options: HttpServerOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#events = new LiveEvents(options.view, this.#clock)
    const isPolling: ConnectionsOptions['isPolling'] = (response) =>
      this.#limits.longPolls.isWaiting(response)
    this.#connections = new Connections({ ...options.bounds, isPolling })
    this.#watch = new FileWatch({
      paths: filesOfHttp(options.options),
      clock: this.#clock,
      intervalMs: WATCH_INTERVAL_MS,
      onChange: () => this.reload(),
    })
  }

  /** The address that people open. Valid after `start`. */
  get description(): string {
    const { host, tls } = this.#options.options
    return `${tls === undefined ? 'http' : 'https'}://${hostForUrl(host)}:${this.port}`
  }

  /** The same, as browsers on this machine reach it; undefined without a port. */
  get address(): string | undefined {
    const { host, tls } = this.#options.options
    if (this.#options.hasPort === false) return undefined
    const reachable = host === '0.0.0.0' || host === '::' ? 'localhost' : hostForUrl(host)
    return `${tls === undefined ? 'http' : 'https'}://${reachable}:${this.port}`
  }

  /** The path of the operator's socket; undefined if there is none. */
  get socketPath(): string | undefined {
    return this.#socket?.isOpen === true ? this.#socket.path : undefined
  }

  /** The port listened on; 0 before `start`. */
  get port(): number {
    const address: AddressInfo | string | null | undefined = this.#server?.server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** `GET /health` and all others. Valid after `start`. */
  get routes(): ReadonlySet<string> {
    return this.#routes
  }

  get connectionCount(): number {
    return this.#connections.count
  }

  /** @throws {ConnectorError} InvalidConfiguration, AddressInUse */
  async start(): Promise<void> {
    if (this.#server !== undefined) return
    await this.#watch.start()
    const server = await this.#build(await readHttpAccess(this.#options.options))
    if (this.#options.hasPort === false) await server.ready()
    else await this.#listen(server)
    this.#server = server
    const warning = await this.#socket?.open()
    if (warning !== undefined) this.#options.onInsecure?.(warning)
    await this.#warn()
  }

  async #listen(server: FastifyInstance): Promise<void> {
    const { host, port } = this.#options.options
    try {
      await server.listen({ host, port })
    } catch (thrown) {
      await server.close()
      throw new ConnectorError(
        'AddressInUse',
        `cannot listen on ${host}:${port}: ${listenHint(thrown)}`,
        { cause: thrown },
      )
    }
  }

  /**
   * Reads the token and the certificates again. If a file is invalid, everything stays as it was.
   * Never rejects.
   */
  async reload(): Promise<void> {
    const { options, onReloaded } = this.#options
    if (filesOfHttp(options).length === 0) return
    try {
      await this.#watch.markSeen()
      const read = await readHttpAccess(options)
      this.#access?.use(read)
      const { certificates } = read
      if (certificates !== undefined) {
        for (const server of this.#secureServers) server.setSecureContext(certificates)
      }
      onReloaded?.(undefined)
      await this.#warn()
    } catch (thrown) {
      onReloaded?.(asConnectorError(thrown, 'Unexpected', 'reading changed files'))
    }
  }

  async #warn(): Promise<void> {
    const { options, onInsecure } = this.#options
    for (const notice of await noticesOfHttp(options)) onInsecure?.(notice)
  }

  /** Ends all requests, including those that wait for messages. */
  async close(): Promise<void> {
    this.#watch.stop()
    this.#limits.longPolls.close()
    this.#events.close()
    this.#connections.close()
    await this.#socket?.close()
    await this.#server?.close()
  }

  async #build(given: HttpAccess): Promise<FastifyInstance> {
    const { options, view } = this.#options
    const clock = this.#clock
    const server = fastify({
      logger: false,
      bodyLimit: MAX_BODY_BYTES,
      forceCloseConnections: true,
      frameworkErrors: (error, _request, reply) => void answerError(error, reply),
      routerOptions: { maxParamLength: 256 },
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      serverFactory: (handler) => this.#listener(handler, given),
      // No route has a JSON Schema, so Fastify need not load its compilers.
      schemaController: {
        compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler },
      },
    })
    server.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) this.#routes.add(`${one} ${url}`)
    })
    const access = new Access({
      options,
      clock,
      isOperator: (socket) => this.#socket?.has(socket) === true,
      port: () => this.port,
    })
    access.use(given)
    this.#access = access
    checkAccess(server, access)
    server.addHook('onSend', async (_request, reply) => {
      reply.header('x-content-type-options', 'nosniff')
      reply.header('cache-control', 'no-store')
      reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
    })
    answerErrorsAsJson(server)
    sessionRoutes(server, { access, clock, address: () => this.address })
    healthRoutes(server, view)
    metricsRoute(server, view)
    ledgerRoute(server, view, this.#limits)
    operatorRoutes(server, view, this.#limits)
    eventsRoute(server, {
      events: this.#events,
      connections: this.#connections,
      now: () => this.#clock.now(),
      about: async () => ({ ...view.identity, build: await this.#dashboard.build() }),
    })
    dashboardRoutes(server, this.#dashboard)
    whyRoute(server, view, this.#limits)
    const { batches, queries, api, contents } = this.#options
    const bodies = new BodyBudget(this.#connections)
    const running = new RunningQueries(clock)
    runningQueryRoutes(server, running)
    if (queries !== undefined) {
      queryRoute(server, queries, { running, connections: this.#connections })
    }
    if (batches !== undefined) batchPutMessageRoute(server, batches, bodies)
    if (api !== undefined) iotAnalyticsApiRoutes(server, api, bodies)
    if (contents !== undefined) datasetContentRoute(server, contents, this.#connections)
    return server
  }

  #listener(handler: FastifyServerFactoryHandler, { certificates }: HttpAccess): Server {
    const { options, timeouts } = this.#options
    const { tls } = options
    const { headersMs = HEADERS_TIMEOUT_MS, checkMs = CHECK_INTERVAL_MS } = timeouts ?? {}
    const http = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: headersMs,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: checkMs,
    }
    const onRequest = (request: IncomingMessage, response: ServerResponse) => {
      if (this.#connections.began(request, response)) handler(request, response)
    }
    const { socketDirectory } = this.#options
    if (socketDirectory !== undefined) {
      const server = this.#bounded(createServer(http, onRequest))
      this.#socket ??= new OperatorSocket(socketDirectory, server)
    }
    if (tls === undefined || certificates === undefined) {
      return this.#bounded(createServer(http, onRequest))
    }
    const handshakeMs = timeouts?.handshakeMs ?? HANDSHAKE_TIMEOUT_MS
    const secure = serverTlsOptions(certificates, tls, handshakeMs)
    const server = createHttpsServer({ ...http, ...secure }, onRequest)
    this.#secureServers.add(server)
    // Before Node's own listener, which ends the socket.
    server.prependListener('tlsClientError', (error, socket) =>
      this.#handshakeFailed(error, socket),
    )
    return this.#bounded(server)
  }

  #bounded<Kind extends Server>(server: Kind): Kind {
    server.maxHeadersCount = MAX_HEADERS
    server.maxConnections = MAX_CONNECTIONS
    this.#connections.watch(server)
    return server
  }

  #handshakeFailed(error: Error, socket: TLSSocket): void {
    const reason = handshakeFailure(socket, systemCodeOf(error))
    this.#options.onRefused?.(this.#connections.remoteOf(socket), reason)
    socket.destroy()
  }
}

function noCompiler(): never {
  throw new Error('a route was given a schema; queries are checked with zod')
}

function listenHint(thrown: unknown): string {
  const code = systemCodeOf(thrown)
  if (code === 'EADDRINUSE') {
    return 'it is in use: stop what listens there (another connector?) or set another port in http.port'
  }
  if (code === 'EACCES') {
    return 'permission denied: ports below 1024 need CAP_NET_BIND_SERVICE; set another port in http.port'
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return 'this machine has no such address: set another one in http.host'
  }
  return messageOf(thrown)
}
