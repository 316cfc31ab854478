/** `POST /messages/batch`: BatchPutMessage, for other connectors and AWS's clients. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Connections } from '../connections/connections.ts'
import { refuseForeignPages } from '../requests/own-requests.ts'
import { RequestError } from '../requests/request-error.ts'

/** What takes the batches. */
export interface BatchReceiver {
  /** Whether a signature says who may send, in place of token and certificates. */
  readonly checksSignatures: boolean
  readonly maxBodyBytes: number
  /** Resolves when the messages are durable, or with why they are not. */
  receive(request: {
    readonly method: string
    readonly path: string
    readonly headers: FastifyRequest['headers']
    readonly body: Buffer
    readonly remote: string
  }): Promise<{
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  }>
}

/** Bytes of all requests that are being read or wait for their commit. */
const MAX_BYTES = 32 * 1024 * 1024
const RETRY_AFTER_S = 2

export function batchPutMessageRoute(
  server: FastifyInstance,
  receiver: BatchReceiver,
  connections: Connections,
): void {
  const bodies = new BodyBudget(receiver.maxBodyBytes, connections)
  server.register((scope, _options, ready) => {
    scope.removeAllContentTypeParsers()
    const options = { parseAs: 'buffer', bodyLimit: receiver.maxBodyBytes } as const
    scope.addContentTypeParser('application/json', options, (_request, body, done) => {
      done(null, body)
    })
    scope.post(
      '/messages/batch',
      {
        config: { isPublic: receiver.checksSignatures },
        onRequest: [refuseForeignPages, async (request, reply) => bodies.take(request, reply)],
      },
      async (request, reply) => {
        const { method, headers, body, ip } = request
        const path = request.url.split('?', 1)[0] ?? ''
        const whole = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
        const answer = await receiver.receive({ method, path, headers, body: whole, remote: ip })
        return reply.code(answer.status).headers(answer.headers).send(answer.body)
      },
    )
    ready()
  })
}

class BodyBudget {
  readonly #maxBodyBytes: number
  readonly #connections: Connections
  #bytes = 0

  constructor(maxBodyBytes: number, connections: Connections) {
    this.#maxBodyBytes = maxBodyBytes
    this.#connections = connections
  }

  /** @throws {RequestError} 503 if there is no room for the body now */
  take(request: FastifyRequest, reply: FastifyReply): void {
    const length = Number(request.headers['content-length'] ?? Number.NaN)
    const bytes = Number.isNaN(length) ? this.#maxBodyBytes : Math.min(length, this.#maxBodyBytes)
    if (this.#bytes > 0 && this.#bytes + bytes > MAX_BYTES) {
      reply.header('retry-after', String(RETRY_AFTER_S))
      throw new RequestError(
        503,
        'Busy',
        'Too many batches are being received. Send it again later.',
      )
    }
    this.#bytes += bytes
    this.#connections.expectBody(request.raw.socket, bytes)
    reply.raw.once('close', () => {
      this.#bytes -= bytes
    })
  }
}
