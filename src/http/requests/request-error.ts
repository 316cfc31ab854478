/** The answer to a request that can't be served: `{"error": …, "message": …}`. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { ConnectorError, messageOf } from '../../errors.ts'

export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly statusCode: number
  readonly error: string

  constructor(statusCode: number, error: string, message: string) {
    super(message)
    this.statusCode = statusCode
    this.error = error
  }
}

export function answerErrorsAsJson(server: FastifyInstance): void {
  server.setErrorHandler((thrown, _request, reply) => answerError(thrown, reply))
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      error: 'NotFound',
      message: `There is no ${request.method} ${request.url.split('?')[0]}. GET / lists all paths.`,
    }),
  )
}

export function answerError(thrown: unknown, reply: FastifyReply): FastifyReply {
  const { statusCode, error, message } = asRequestError(thrown)
  return reply.code(statusCode).send({ error, message })
}

function asRequestError(thrown: unknown): RequestError {
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
