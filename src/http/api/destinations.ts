/** The destinations, and their next attempt. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, sendInPieces } from '../requests/pages.ts'
import type { DestinationsView, RetryRequest } from '../views/destinations-view.ts'
import type { OperatorView } from '../views/operator-view.ts'
import { channelNotFound, destinationNotFound } from './found.ts'
import { operations } from './operations.ts'
import { operatorRoute } from './operator-route.ts'

export function destinationRoutes(
  server: FastifyInstance,
  view: DestinationsView & OperatorView,
  { pages }: RequestLimits,
): void {
  const retry = (reply: FastifyReply, asked: RetryRequest): FastifyReply => {
    const answer = view.retryNow(asked)
    if (answer === 'channel') throw channelNotFound(asked.channel ?? '')
    if (answer === 'destination') throw destinationNotFound(asked.destination ?? '')
    return sendInPieces(reply, JSON_TYPE, [JSON.stringify({ destinations: answer })])
  }

  operatorRoute(server, operations.destinations, async ({ reply }) => {
    const list = await pages.serve(reply.raw, async () =>
      JSON.stringify(view.snapshot().destinations),
    )
    return sendInPieces(reply, JSON_TYPE, [list])
  })

  operatorRoute(server, operations.retryAll, async ({ reply, body }) => retry(reply, body))

  operatorRoute(server, operations.retry, async ({ reply, body, name }) =>
    retry(reply, { ...body, destination: name }),
  )
}
