/** What happened to one message. */
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import { parseRequest } from '../requests/query.ts'
import type { WhyAnswer, WhyView } from '../views/why-view.ts'

const whyQuery = z.strictObject({
  format: z.enum(['json', 'text'], 'must be json or text').default('json'),
})

export function whyRoute(server: FastifyInstance, view: WhyView): void {
  server.get<{ Params: { id: string } }>('/why/:id', async (request, reply) => {
    const { format } = parseRequest(whyQuery, request.query)
    const answer = await view.why(request.params.id)
    reply.code(answer.messages.length === 0 ? 404 : 200)
    if (format === 'json') return reply.send(answer)
    return reply.type('text/plain; charset=utf-8').send(textOf(answer))
  })
}

function textOf({ id, messages, notes }: WhyAnswer): string {
  const nothing = `Nothing is known of a message with the id ${id}: it never arrived, or it is no longer stored.`
  const parts = messages.map(({ sentences }) => sentences.join('\n'))
  const shown = parts.length === 0 ? [nothing] : parts
  return `${[...shown, ...notes.map((note) => `Note: ${note}`)].join('\n\n')}\n`
}
