/** The messages that channels hold. */
import type { FastifyInstance } from 'fastify'
import type { RequestLimits } from '../connections/request-limits.ts'
import { LINES_TYPE, sendInPieces, textPage } from '../requests/pages.ts'
import type { ConnectorView, MessagePage } from '../views/connector-view.ts'
import { messageLine } from '../views/message-line.ts'
import type { ReadFrom } from '../views/read-from.ts'
import { found } from './found.ts'
import { operations } from './operations.ts'
import { operatorRoute } from './operator-route.ts'

interface ShownPage {
  readonly lines: readonly Buffer[]
  readonly next: number
}

export function messageRoutes(
  server: FastifyInstance,
  view: ConnectorView,
  { pages, longPolls }: RequestLimits,
): void {
  operatorRoute(server, operations.messages, async ({ name, query, reply }) => {
    const { from, limit, wait } = query
    const read = (start: ReadFrom): Promise<ShownPage> =>
      pages.serve(
        reply.raw,
        async (nextTurn) =>
          await shown(found(name, await view.readMessages(name, start, limit)), nextTurn),
        ({ lines }) => lines.length > 0,
      )
    let page = await read(from)
    if (page.lines.length === 0 && wait > 0) {
      const { next } = page
      await longPolls.wait(reply.raw, wait, (signal) => view.waitForMessages(name, next, signal))
      page = await read({ offset: next })
    }
    reply.header('x-next-offset', page.next)
    return sendInPieces(reply, LINES_TYPE, page.lines)
  })
}

/** As many of the messages as a page may have. */
async function shown(
  { messages, next }: MessagePage,
  nextTurn: () => Promise<void>,
): Promise<ShownPage> {
  const lines = await textPage(messages, messageLine, nextTurn)
  return { lines, next: messages[lines.length]?.offset ?? next }
}
