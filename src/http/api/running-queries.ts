/** The queries that run: what they are, and an end to one of them. */
import type { FastifyInstance } from 'fastify'
import { quoted } from '../../shown-text.ts'
import { JSON_TYPE, sendInPieces } from '../requests/pages.ts'
import { RequestError } from '../requests/request-error.ts'
import type { RunningQueries } from '../routes/running-queries.ts'
import { API, operations } from './operations.ts'
import { operatorRoute } from './operator-route.ts'

export function runningQueryRoutes(server: FastifyInstance, running: RunningQueries): void {
  operatorRoute(server, operations.queries, async ({ reply }) =>
    sendInPieces(reply, JSON_TYPE, [JSON.stringify({ queries: running.list })]),
  )
  operatorRoute(server, operations.cancelQuery, async ({ name, reply }) => {
    if (running.cancel(name)) return reply.code(204).send()
    const message = `No query ${quoted(name)} runs. GET ${API}/query lists those that do.`
    throw new RequestError(404, 'QueryNotFound', message)
  })
}
