/** The memory that the bodies of all requests may use together. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequestError } from '../requests/request-error.ts'
import type { Connections } from './connections.ts'

/** Bytes of all requests that are being read or wait for their commit. */
const MAX_BYTES = 32 * 1024 * 1024
const RETRY_AFTER_S = 2

export class BodyBudget {
  readonly #connections: Connections
  #bytes = 0

  constructor(connections: Connections) {
    this.#connections = connections
  }

  /** A hook for a route whose bodies have at most `maxBodyBytes`. */
  taker(maxBodyBytes: number) {
    return async (request: FastifyRequest, reply: FastifyReply): Promise<void> =>
      this.#take(request, reply, maxBodyBytes)
  }

  /** @throws {RequestError} 503 if there is no room for the body now */
  #take(request: FastifyRequest, reply: FastifyReply, maxBodyBytes: number): void {
    const bytes = Math.min(bodyBytesOf(request) ?? maxBodyBytes, maxBodyBytes)
    if (this.#bytes > 0 && this.#bytes + bytes > MAX_BYTES) {
      reply.header('retry-after', String(RETRY_AFTER_S))
      throw new RequestError(
        503,
        'Busy',
        'Too many requests with a body are being received. Send it again later.',
      )
    }
    this.#bytes += bytes
    this.#connections.expectBody(request.raw.socket, bytes)
    reply.raw.once('close', () => {
      this.#bytes -= bytes
    })
  }
}

/** Undefined if the request does not say it. */
function bodyBytesOf({ headers }: FastifyRequest): number | undefined {
  const length = headers['content-length']
  if (length !== undefined) return Number(length)
  return headers['transfer-encoding'] === undefined ? 0 : undefined
}
