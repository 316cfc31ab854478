/** Sending stored messages of a channel again. */
import type { FastifyInstance } from 'fastify'
import { timeText } from '../../iso-time.ts'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, sendInPieces } from '../requests/pages.ts'
import type { HistoryReplayReport, HistoryReplayView } from '../views/history-replay-view.ts'
import { found } from './found.ts'
import { operations } from './operations.ts'
import { operatorRoute } from './operator-route.ts'

export function historyReplayRoute(
  server: FastifyInstance,
  view: HistoryReplayView,
  { replays }: RequestLimits,
): void {
  operatorRoute(server, operations.replayChannel, async ({ name, body, reply }) => {
    const { dryRun, ...range } = body
    const asked = { channel: name, ...range, isDryRun: dryRun }
    const report = await replays.serve(reply.raw, async () =>
      found(name, await view.replayHistory(asked)),
    )
    return sendInPieces(reply, JSON_TYPE, [JSON.stringify(shown(report))])
  })
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
