/** Reading and replaying dead letters. */
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import { refuseForeignPages } from '../requests/own-requests.ts'
import { parseRequest, time, wholeNumber } from '../requests/query.ts'
import { RequestError } from '../requests/request-error.ts'
import type { DeadLettersView } from '../views/dead-letters-view.ts'
import { deadLetterLine } from '../views/message-line.ts'

const MAX_LETTERS = 1000
const MAX_REPLAYED = 10_000
const MAX_TEXT = 256

const text = z.string().min(1).max(MAX_TEXT).optional()
const filter = {
  channel: text,
  destination: text,
  error: text,
  since: time().optional(),
  until: time().optional(),
}

const lettersQuery = z.strictObject({
  ...filter,
  from: wholeNumber(0, Number.MAX_SAFE_INTEGER, 0),
  limit: wholeNumber(1, MAX_LETTERS, 100),
})

const offset = z.number().int().min(0)
const replayBody = z.strictObject({
  ...filter,
  from: offset.default(0),
  to: offset.optional(),
  limit: z.number().int().min(1).max(MAX_REPLAYED).default(1000),
  dryRun: z.boolean().default(false),
})

export function deadLetterRoutes(server: FastifyInstance, view: DeadLettersView): void {
  server.get('/dead-letters', async (request, reply) => {
    const { from, limit, ...which } = parseRequest(lettersQuery, request.query)
    const { letters, next } = kept(await view.readDeadLetters(which, from, limit))
    if (next !== undefined) reply.header('x-next-offset', next)
    return reply.type('application/x-ndjson').send(letters.map(deadLetterLine).join(''))
  })

  server.post('/dead-letters/replay', { onRequest: refuseForeignPages }, async (request) => {
    const { from, to, limit, dryRun, ...which } = parseRequest(replayBody, request.body)
    const asked = { filter: which, from, to, limit, isDryRun: dryRun }
    const { refused, next, ...report } = kept(await view.replayDeadLetters(asked))
    return {
      ...report,
      refused: refused.map(({ offset, refusal }) => ({
        offset,
        error: refusal.error,
        error_message: refusal.message,
      })),
      next: next ?? null,
    }
  })
}

function kept<Answer>(answer: Answer | undefined): Answer {
  if (answer !== undefined) return answer
  throw new RequestError(
    404,
    'NotKept',
    'Dead letters are turned off in the configuration (deadLetters: false).',
  )
}
