/**
 * The HTTP server: shows what a `ConnectorView` says. It is read-only, except for the replay of dead
 * letters. It listens on loopback by default: there are no users, so anyone who reaches it can read
 * every message.
 */
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { hostForUrl, isLocalName, isLoopback } from '../addresses.ts'
import { ConnectorError, messageOf } from '../errors.ts'
import type { HttpOptions } from './options.ts'
import { LongPolls } from './requests/long-poll.ts'
import { answerError, answerErrorsAsJson, RequestError } from './requests/request-error.ts'
import { channelRoutes } from './routes/channels.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { ledgerRoute } from './routes/ledger.ts'
import { statusRoutes } from './routes/status.ts'
import { whyRoute } from './routes/why.ts'
import type { ConnectorView } from './views/connector-view.ts'

/** Bounds of what one peer may use. No request here needs to be large or slow. */
const MAX_HEADER_BYTES = 16 * 1024
const MAX_BODY_BYTES = 64 * 1024
const MAX_CONNECTIONS = 256
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
const KEEP_ALIVE_TIMEOUT_MS = 30_000

export interface HttpServerOptions {
  readonly options: HttpOptions
  readonly view: ConnectorView
}

export class HttpServer {
  readonly #options: HttpOptions
  readonly #view: ConnectorView
  readonly #longPolls = new LongPolls(MAX_CONNECTIONS)
  #server: FastifyInstance | undefined

  constructor({ options, view }: HttpServerOptions) {
    this.#options = options
    this.#view = view
  }

  /** The address that people open. Valid after `start`. */
  get description(): string {
    return `http://${hostForUrl(this.#options.host)}:${this.port}`
  }

  /** The port listened on; 0 before `start`. */
  get port(): number {
    const address: AddressInfo | string | null | undefined = this.#server?.server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** @throws {ConnectorError} InvalidConfiguration, AddressInUse */
  async start(): Promise<void> {
    if (this.#server !== undefined) return
    const { host, port, allowAnonymous } = this.#options
    if (!isLoopback(host) && !allowAnonymous) {
      throw new ConnectorError(
        'InvalidConfiguration',
        `http.host is ${host}: anyone who reaches this address could read every message. ` +
          'Set http.allowAnonymous: true to allow that, or listen on 127.0.0.1.',
      )
    }
    const server = await this.#build()
    try {
      await server.listen({ host, port })
    } catch (thrown) {
      await server.close()
      throw new ConnectorError(
        'AddressInUse',
        `listening on http ${host}:${port}: ${messageOf(thrown)}`,
        {
          cause: thrown,
        },
      )
    }
    this.#server = server
  }

  /** Ends all requests, including those that wait for messages. */
  async close(): Promise<void> {
    this.#longPolls.close()
    await this.#server?.close()
  }

  async #build(): Promise<FastifyInstance> {
    const { default: fastify } = await import('fastify')
    const server = fastify({
      logger: false,
      bodyLimit: MAX_BODY_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      forceCloseConnections: true,
      frameworkErrors: (error, _request, reply) => void answerError(error, reply),
      routerOptions: { maxParamLength: 256 },
      http: { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_TIMEOUT_MS },
      // No route has a JSON Schema, so Fastify need not load its compilers.
      schemaController: {
        compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler },
      },
    })
    server.server.maxConnections = MAX_CONNECTIONS
    if (isLoopback(this.#options.host)) refuseForeignNames(server)
    server.addHook('onSend', async (_request, reply) => {
      reply.header('x-content-type-options', 'nosniff')
      reply.header('cache-control', 'no-store')
      reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
    })
    answerErrorsAsJson(server)
    statusRoutes(server, this.#view)
    ledgerRoute(server, this.#view)
    channelRoutes(server, this.#view, this.#longPolls)
    deadLetterRoutes(server, this.#view)
    whyRoute(server, this.#view)
    return server
  }
}

function noCompiler(): never {
  throw new Error('a route was given a schema; queries are checked with zod')
}

function refuseForeignNames(server: FastifyInstance): void {
  server.addHook('onRequest', async (request) => {
    const { host } = request.headers
    if (host === undefined || isLocalName(host)) return
    throw new RequestError(
      421,
      'MisdirectedRequest',
      `This server answers to 127.0.0.1 and localhost; the request was for ${JSON.stringify(host)}.`,
    )
  })
}
