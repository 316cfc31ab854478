/** Sending stored messages of a channel again. */
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import { timeText } from '../../iso-time.ts'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, sendInPieces } from '../requests/pages.ts'
import { parseRequest, READ_FROM, readFrom } from '../requests/query.ts'
import type { HistoryReplayReport, HistoryReplayView } from '../views/history-replay-view.ts'
import { found } from './channels.ts'

const MAX_REPLAYED = 10_000

const point = z.union([
  z
    .number()
    .int()
    .min(0)
    .transform((offset) => ({ offset })),
  z.string(READ_FROM).transform(readFrom),
])

const replayBody = z.strictObject({
  from: point,
  to: point.optional(),
  limit: z.number().int().min(1).max(MAX_REPLAYED).default(1000),
  dryRun: z.boolean().default(false),
})

export function historyReplayRoute(
  server: FastifyInstance,
  view: HistoryReplayView,
  { replays }: RequestLimits,
): void {
  server.post<{ Params: { name: string } }>(
    '/channels/:name/replay',
    { config: { right: 'operate' } },
    async (request, reply) => {
      const { dryRun, ...range } = parseRequest(replayBody, request.body)
      const { name } = request.params
      const asked = { channel: name, ...range, isDryRun: dryRun }
      const report = await replays.serve(reply.raw, async () =>
        found(name, await view.replayHistory(asked)),
      )
      return sendInPieces(reply, JSON_TYPE, [JSON.stringify(shown(report))])
    },
  )
}

function shown({ firstReceivedAt, stopped, next, ...counts }: HistoryReplayReport): object {
  return {
    ...counts,
    firstReceivedAt: firstReceivedAt === undefined ? null : timeText(firstReceivedAt),
    stopped:
      stopped === undefined ? null : { error: stopped.error, error_message: stopped.message },
    next: next ?? null,
  }
}
