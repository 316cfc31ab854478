/**
 * The HTTP server: shows what a `ConnectorView` says. It is read-only, except for the replay of dead
 * letters. It has one token or none, and no users. It listens on loopback by default.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyServerFactoryHandler } from 'fastify'
import { hostForUrl, isLoopback } from '../addresses.ts'
import { ConnectorError, messageOf, systemCodeOf } from '../errors.ts'
import { Connections, type ConnectionsOptions } from './connections/connections.ts'
import { RequestLimits } from './connections/request-limits.ts'
import type { HttpOptions } from './options.ts'
import { HostNames } from './requests/host-names.ts'
import { answerError, answerErrorsAsJson } from './requests/request-error.ts'
import { CHALLENGE, readToken, TokenCheck } from './requests/token.ts'
import { channelRoutes } from './routes/channels.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { destinationRoutes } from './routes/destinations.ts'
import { healthRoutes } from './routes/health.ts'
import { historyReplayRoute } from './routes/history-replay.ts'
import { ledgerRoute } from './routes/ledger.ts'
import { statusRoutes } from './routes/status.ts'
import { whyRoute } from './routes/why.ts'
import type { ConnectorView } from './views/connector-view.ts'

/** Bounds of what one peer may use. No request here needs to be large or slow. */
const MAX_HEADER_BYTES = 16 * 1024
const MAX_HEADERS = 100
const MAX_BODY_BYTES = 64 * 1024
/** Above the share of one address, so that `Connections` decides. */
const MAX_CONNECTIONS = 512
const HEADERS_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 10_000
const KEEP_ALIVE_TIMEOUT_MS = 30_000
/** How often Node looks for requests that are over their time. */
const CHECK_INTERVAL_MS = 1_000

export interface HttpServerOptions {
  readonly options: HttpOptions
  readonly view: ConnectorView
  /** Called when the server listens beyond loopback and anybody may use it, with a sentence. */
  readonly onOpenToAll?: (warning: string) => void
  /** For tests: other bounds than the defaults. */
  readonly bounds?: Omit<ConnectionsOptions, 'isPolling'>
  readonly timeouts?: { readonly headersMs: number; readonly checkMs: number }
}

export class HttpServer {
  readonly #options: HttpServerOptions
  readonly #limits = new RequestLimits()
  readonly #connections: Connections
  #server: FastifyInstance | undefined

  constructor(options: HttpServerOptions) {
    this.#options = options
    const isPolling: ConnectionsOptions['isPolling'] = (response) =>
      this.#limits.longPolls.isWaiting(response)
    this.#connections = new Connections({ ...options.bounds, isPolling })
  }

  /** The address that people open. Valid after `start`. */
  get description(): string {
    return `http://${hostForUrl(this.#options.options.host)}:${this.port}`
  }

  /** The port listened on; 0 before `start`. */
  get port(): number {
    const address: AddressInfo | string | null | undefined = this.#server?.server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get connectionCount(): number {
    return this.#connections.count
  }

  /** @throws {ConnectorError} InvalidConfiguration, AddressInUse */
  async start(): Promise<void> {
    if (this.#server !== undefined) return
    const { host, port } = this.#options.options
    const { token, isOpenToAll } = await readHttpAccess(this.#options.options)
    const server = await this.#build(token)
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
    this.#server = server
    if (isOpenToAll) {
      this.#options.onOpenToAll?.(
        `http.host is ${host} and no token is set: anyone who reaches the port can read every ` +
          'message and replay dead letters. http.tokenFile asks for a token.',
      )
    }
  }

  /** Ends all requests, including those that wait for messages. */
  async close(): Promise<void> {
    this.#limits.longPolls.close()
    this.#connections.close()
    await this.#server?.close()
  }

  async #build(token: string | undefined): Promise<FastifyInstance> {
    const { options, view } = this.#options
    const { default: fastify } = await import('fastify')
    const server = fastify({
      logger: false,
      bodyLimit: MAX_BODY_BYTES,
      forceCloseConnections: true,
      frameworkErrors: (error, _request, reply) => void answerError(error, reply),
      routerOptions: { maxParamLength: 256 },
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      serverFactory: (handler) => this.#listener(handler),
      // No route has a JSON Schema, so Fastify need not load its compilers.
      schemaController: {
        compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler },
      },
    })
    const names = new HostNames(options.hosts)
    const tokens = token === undefined ? undefined : new TokenCheck(token)
    server.addHook('onRequest', async ({ headers, routeOptions }, reply) => {
      names.check(headers.host)
      if (tokens === undefined || routeOptions.config.isPublic === true) return
      if (!tokens.isGiven(headers.authorization)) reply.header('www-authenticate', CHALLENGE)
      tokens.check(headers.authorization)
    })
    server.addHook('onSend', async (_request, reply) => {
      reply.header('x-content-type-options', 'nosniff')
      reply.header('cache-control', 'no-store')
      reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
    })
    answerErrorsAsJson(server)
    healthRoutes(server, view, tokens)
    statusRoutes(server, view, this.#limits)
    ledgerRoute(server, view, this.#limits)
    channelRoutes(server, view, this.#limits)
    deadLetterRoutes(server, view, this.#limits)
    historyReplayRoute(server, view, this.#limits)
    destinationRoutes(server, view, this.#limits)
    whyRoute(server, view, this.#limits)
    return server
  }

  #listener(handler: FastifyServerFactoryHandler): Server {
    const { headersMs = HEADERS_TIMEOUT_MS, checkMs = CHECK_INTERVAL_MS } =
      this.#options.timeouts ?? {}
    const server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: headersMs,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
        connectionsCheckingInterval: checkMs,
      },
      (request, response) => {
        if (this.#connections.began(request, response)) handler(request, response)
      },
    )
    server.maxHeadersCount = MAX_HEADERS
    server.maxConnections = MAX_CONNECTIONS
    this.#connections.watch(server)
    return server
  }
}

function noCompiler(): never {
  throw new Error('a route was given a schema; queries are checked with zod')
}

/** @throws {ConnectorError} InvalidConfiguration if the token can't be read, or is missing. */
export async function readHttpAccess(options: HttpOptions) {
  const { host, allowAnonymous } = options
  const token = await readToken(options)
  const isOpenToAll = !isLoopback(host) && token === undefined
  if (isOpenToAll && !allowAnonymous) {
    throw new ConnectorError(
      'InvalidConfiguration',
      `http.host is ${host}: anyone who reaches this address could read every message. ` +
        'Set http.tokenFile, or http.allowAnonymous: true to allow that, or listen on 127.0.0.1.',
    )
  }
  return { token, isOpenToAll }
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
