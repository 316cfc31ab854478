/** Reading and replaying dead letters. */
import type { FastifyInstance } from 'fastify'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, LINES_TYPE, sendInPieces, textPage } from '../requests/pages.ts'
import { RequestError } from '../requests/request-error.ts'
import type { DeadLettersView, ReplayReport } from '../views/dead-letters-view.ts'
import { deadLetterLine } from '../views/message-line.ts'
import { operations } from './operations.ts'
import { operatorRoute } from './operator-route.ts'

export function deadLetterRoutes(
  server: FastifyInstance,
  view: DeadLettersView,
  { pages, replays }: RequestLimits,
): void {
  operatorRoute(server, operations.deadLetters, async ({ query, reply }) => {
    const { from, limit, ...which } = query
    const { lines, next } = await pages.serve(reply.raw, async (nextTurn) => {
      const page = kept(await view.readDeadLetters(which, from, limit))
      const lines = await textPage(page.letters, deadLetterLine, nextTurn)
      return { lines, next: page.letters[lines.length]?.offset ?? page.next }
    })
    if (next !== undefined) reply.header('x-next-offset', next)
    return sendInPieces(reply, LINES_TYPE, lines)
  })

  operatorRoute(server, operations.replayDeadLetters, async ({ body, reply }) => {
    const { from, to, limit, dryRun, ...which } = body
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
