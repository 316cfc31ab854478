/** What happened to one message. */
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, sendInPieces, TEXT_TYPE } from '../requests/pages.ts'
import { parseRequest } from '../requests/query.ts'
import type { WhyAnswer, WhyView } from '../views/why-view.ts'

const whyQuery = z.strictObject({
  format: z.enum(['json', 'text'], 'must be json or text').default('json'),
})

export function whyRoute(
  server: FastifyInstance,
  view: WhyView,
  { searches }: RequestLimits,
): void {
  server.get<{ Params: { id: string } }>('/why/:id', async (request, reply) => {
    const { format } = parseRequest(whyQuery, request.query)
    const answer = await searches.serve(reply.raw, () => view.why(request.params.id))
    reply.code(answer.messages.length === 0 ? 404 : 200)
    return format === 'json'
      ? sendInPieces(reply, JSON_TYPE, [JSON.stringify(answer)])
      : sendInPieces(reply, TEXT_TYPE, [textOf(answer)])
  })
}

function textOf({ id, messages, notes }: WhyAnswer): string {
  const nothing = `Nothing is known of a message with the id ${id}: it never arrived, or it is no longer stored.`
  const parts = messages.map(({ sentences }) => sentences.join('\n'))
  const shown = parts.length === 0 ? [nothing] : parts
  return `${[...shown, ...notes.map((note) => `Note: ${note}`)].join('\n\n')}\n`
}
