/** Reading and replaying dead letters. */
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, LINES_TYPE, sendInPieces, textPage } from '../requests/pages.ts'
import { parseRequest, time, wholeNumber } from '../requests/query.ts'
import { RequestError } from '../requests/request-error.ts'
import type { DeadLettersView, ReplayReport } from '../views/dead-letters-view.ts'
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

export function deadLetterRoutes(
  server: FastifyInstance,
  view: DeadLettersView,
  { pages, replays }: RequestLimits,
): void {
  server.get('/dead-letters', async (request, reply) => {
    const { from, limit, ...which } = parseRequest(lettersQuery, request.query)
    const { lines, next } = await pages.serve(reply.raw, async (nextTurn) => {
      const page = kept(await view.readDeadLetters(which, from, limit))
      const lines = await textPage(page.letters, deadLetterLine, nextTurn)
      return { lines, next: page.letters[lines.length]?.offset ?? page.next }
    })
    if (next !== undefined) reply.header('x-next-offset', next)
    return sendInPieces(reply, LINES_TYPE, lines)
  })

  server.post('/dead-letters/replay', { config: { right: 'operate' } }, async (request, reply) => {
    const { from, to, limit, dryRun, ...which } = parseRequest(replayBody, request.body)
    const asked = { filter: which, from, to, limit, isDryRun: dryRun }
    const report = await replays.serve(reply.raw, async () =>
      kept(await view.replayDeadLetters(asked)),
    )
    return sendInPieces(reply, JSON_TYPE, [JSON.stringify(shown(report))])
  })
}

function shown({ refused, next, ...report }: ReplayReport): object {
  return {
    ...report,
    refused: refused.map(({ offset, refusal }) => ({
      offset,
      error: refusal.error,
      error_message: refusal.message,
    })),
    next: next ?? null,
  }
}

function kept<Answer>(answer: Answer | undefined): Answer {
  if (answer !== undefined) return answer
  throw new RequestError(
    404,
    'NotKept',
    'Dead letters are turned off in the configuration (deadLetters: false).',
  )
}
