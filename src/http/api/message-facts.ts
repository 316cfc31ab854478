/** What is known of messages: their fields, the story of one of them, the tables of queries. */
import type { FastifyInstance } from 'fastify'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, sendInPieces } from '../requests/pages.ts'
import type { OperatorView } from '../views/operator-view.ts'
import { found } from './found.ts'
import { operations } from './operations.ts'
import { operatorRoute } from './operator-route.ts'

export function messageFactRoutes(
  server: FastifyInstance,
  view: OperatorView,
  { pages, searches }: RequestLimits,
): void {
  operatorRoute(server, operations.fields, async ({ name, reply }) => {
    const text = await searches.serve(reply.raw, async (nextTurn) =>
      JSON.stringify(found(name, await view.fields(name, nextTurn))),
    )
    return sendInPieces(reply, JSON_TYPE, [text])
  })

  operatorRoute(server, operations.story, async ({ name, reply }) => {
    const text = await searches.serve(reply.raw, async () => JSON.stringify(await view.story(name)))
    return sendInPieces(reply, JSON_TYPE, [text])
  })

  operatorRoute(server, operations.tables, async ({ query: { after, limit }, reply }) => {
    const text = await pages.serve(reply.raw, async (nextTurn) =>
      JSON.stringify(await view.tables(after, limit, nextTurn)),
    )
    return sendInPieces(reply, JSON_TYPE, [text])
  })
}
