/** Figures: the first screen, the last hour, the ledger, channels, clients, settings. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, sendInPieces } from '../requests/pages.ts'
import type { OperatorView } from '../views/operator-view.ts'
import { found } from './found.ts'
import { operations } from './operations.ts'
import { operatorRoute } from './operator-route.ts'

export function snapshotRoutes(
  server: FastifyInstance,
  view: OperatorView,
  { pages }: RequestLimits,
): void {
  const answer = async (
    reply: FastifyReply,
    make: () => object | Promise<object>,
  ): Promise<FastifyReply> => {
    const text = await pages.serve(reply.raw, async () => JSON.stringify(await make()))
    return sendInPieces(reply, JSON_TYPE, [text])
  }
  const { overview, history, ledger, channels, channel, channelHistory, clients, config } =
    operations
  operatorRoute(server, overview, ({ reply }) => answer(reply, () => view.snapshot().overview))
  operatorRoute(server, history, ({ reply }) => answer(reply, () => view.history()))
  operatorRoute(server, ledger, ({ reply }) => answer(reply, () => view.snapshot().ledger))
  operatorRoute(server, channels, ({ reply, query: { after, limit } }) =>
    answer(reply, () => view.channelList(after, limit)),
  )
  operatorRoute(server, channel, ({ reply, name }) =>
    answer(reply, async () => found(name, await view.channelDetail(name))),
  )
  operatorRoute(server, channelHistory, ({ reply, name }) =>
    answer(reply, () => found(name, view.channelHistory(name))),
  )
  operatorRoute(server, clients, ({ reply }) => answer(reply, () => view.snapshot().clients))
  operatorRoute(server, config, ({ reply }) => answer(reply, () => view.settings()))
}
