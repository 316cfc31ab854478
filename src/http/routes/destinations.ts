/** The destinations, and their next attempt. */
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import { quoted } from '../../shown-text.ts'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, sendInPieces } from '../requests/pages.ts'
import { parseRequest } from '../requests/query.ts'
import { RequestError } from '../requests/request-error.ts'
import type { DestinationsView, RetriedDestination } from '../views/destinations-view.ts'

const MAX_TEXT = 256

const text = z.string().min(1).max(MAX_TEXT).optional()
const retryBody = z.strictObject({ channel: text, destination: text })

export function destinationRoutes(
  server: FastifyInstance,
  view: DestinationsView,
  { pages }: RequestLimits,
): void {
  server.get('/destinations', async (_request, reply) => {
    const list = await pages.serve(reply.raw, async () =>
      JSON.stringify({ destinations: view.destinations() }),
    )
    return sendInPieces(reply, JSON_TYPE, [list])
  })

  server.post('/destinations/retry', { config: { right: 'operate' } }, async (request) => {
    const asked = parseRequest(retryBody, request.body)
    return { destinations: found(asked, view.retryNow(asked)) }
  })
}

function found(
  { channel = '', destination = '' }: z.output<typeof retryBody>,
  answer: ReturnType<DestinationsView['retryNow']>,
): readonly RetriedDestination[] {
  if (answer === 'channel') {
    const message = `There is no channel ${quoted(channel)}. GET /channels lists them.`
    throw new RequestError(404, 'ChannelNotFound', message)
  }
  if (answer === 'destination') {
    const message = `There is no destination ${quoted(destination)}. GET /destinations lists them.`
    throw new RequestError(404, 'DestinationNotFound', message)
  }
  return answer
}
