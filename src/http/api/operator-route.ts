/** A route for an operation of the operator's API. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { parseRequest } from '../requests/query.ts'
import { API, type BodyOf, type Operation, type QueryOf } from './operations.ts'

export interface OperatorRequest<Op extends Operation> {
  readonly query: QueryOf<Op>
  readonly body: BodyOf<Op>
  /** What stands for `{name}` or `{id}` in the path. */
  readonly name: string
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

export function operatorRoute<Op extends Operation>(
  server: FastifyInstance,
  operation: Op,
  handler: (asked: OperatorRequest<Op>) => Promise<FastifyReply>,
): void {
  const { method, path, right = 'view', query, body } = operation
  server.route<{ Params: { name?: string } }>({
    method,
    url: `${API}/${path.replace(/\{\w+\}/, ':name')}`,
    config: { right },
    handler: (request, reply) =>
      handler({
        // The types say what the schemas of this operation yield.
        query: (query && parseRequest(query, request.query)) as QueryOf<Op>,
        body: (body && parseRequest(body, request.body)) as BodyOf<Op>,
        name: request.params.name ?? '',
        request,
        reply,
      }),
  })
}
