/** The answer to a request that can't be served: `{"error": …, "message": …}`. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { ConnectorError, messageOf } from '../../errors.ts'
import { cut, printable } from '../../shown-text.ts'

/** Messages may quote what came, which can be long. */
const MAX_MESSAGE = 1_000
const MAX_PATH = 200

export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly statusCode: number
  readonly error: string
  /** When the same request may succeed, if that is known. */
  readonly retryAfterSeconds: number | undefined

  constructor(statusCode: number, error: string, message: string, retryAfterSeconds?: number) {
    super(message)
    this.statusCode = statusCode
    this.error = error
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export function answerErrorsAsJson(server: FastifyInstance): void {
  server.setErrorHandler((thrown, _request, reply) => answerError(thrown, reply))
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      error: 'NotFound',
      message: `There is no ${request.method} ${shownPath(request.url)}. GET /api/v1/openapi.json lists all paths of the API.`,
    }),
  )
}

export function answerError(thrown: unknown, reply: FastifyReply): FastifyReply {
  const { statusCode, error, message, retryAfterSeconds } = asRequestError(thrown)
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
  return reply.code(statusCode).send({ error, message: printable(cut(message, MAX_MESSAGE)) })
}

function shownPath(url: string): string {
  return printable(cut(url.split('?')[0] ?? '', MAX_PATH))
}

export function asRequestError(thrown: unknown): RequestError {
  if (thrown instanceof RequestError) return thrown
  if (thrown instanceof ConnectorError) {
    return new RequestError(thrown.effect === 'retry' ? 503 : 500, thrown.code, thrown.message)
  }
  const statusCode = statusCodeOf(thrown)
  if (statusCode < 500) return new RequestError(statusCode, 'InvalidRequest', messageOf(thrown))
  return new RequestError(500, 'Unexpected', messageOf(thrown))
}

/** Fastify's own errors (a body too large, a malformed URL) carry the status to answer with. */
function statusCodeOf(thrown: unknown): number {
  if (!(thrown instanceof Error) || !('statusCode' in thrown)) return 500
  const { statusCode } = thrown
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : 500
}
