/** One message's story. */
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import { parseRequest } from '../requests/query.ts'
import type { Stories, StoriesView } from '../views/why-view.ts'

const whyQuery = z.strictObject({
  format: z.enum(['json', 'text'], 'must be json or text').default('json'),
})

export function whyRoute(server: FastifyInstance, view: StoriesView): void {
  server.get<{ Params: { id: string } }>('/why/:id', async (request, reply) => {
    const { format } = parseRequest(whyQuery, request.query)
    const stories = await view.why(request.params.id)
    reply.code(stories.messages.length === 0 ? 404 : 200)
    if (format === 'json') return reply.send(stories)
    return reply.type('text/plain; charset=utf-8').send(textOf(stories))
  })
}

function textOf({ id, messages, notes }: Stories): string {
  const nothing = `Nothing is known of a message with the id ${id}: it never came, or it is no longer kept.`
  const parts = messages.map(({ sentences }) => sentences.join('\n'))
  const told = parts.length === 0 ? [nothing] : parts
  return `${[...told, ...notes.map((note) => `Note: ${note}`)].join('\n\n')}\n`
}
