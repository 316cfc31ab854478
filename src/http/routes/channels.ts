/** The channels and the messages they hold. */
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import { quoted } from '../../shown-text.ts'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, LINES_TYPE, sendInPieces, textPage } from '../requests/pages.ts'
import { parseRequest, READ_FROM, readFrom, wholeNumber } from '../requests/query.ts'
import { RequestError } from '../requests/request-error.ts'
import type { ConnectorView, MessagePage } from '../views/connector-view.ts'
import { messageLine } from '../views/message-line.ts'
import type { ReadFrom } from '../views/read-from.ts'

const MAX_MESSAGES = 1000
const MAX_WAIT_SECONDS = 60

const messagesQuery = z.strictObject({
  from: z.string(READ_FROM).default('earliest').transform(readFrom),
  limit: wholeNumber(1, MAX_MESSAGES, 100),
  wait: wholeNumber(0, MAX_WAIT_SECONDS, 0),
})

interface ShownPage {
  readonly lines: readonly Buffer[]
  readonly next: number
}

export function channelRoutes(
  server: FastifyInstance,
  view: ConnectorView,
  { pages, longPolls }: RequestLimits,
): void {
  server.get('/channels', async (_request, reply) => {
    const list = await pages.serve(reply.raw, async () => channelList(view))
    return sendInPieces(reply, JSON_TYPE, [list])
  })

  server.get<{ Params: { name: string } }>('/channels/:name/messages', async (request, reply) => {
    const { from, limit, wait } = parseRequest(messagesQuery, request.query)
    const { name } = request.params
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

function channelList(view: ConnectorView): string {
  const channels = view.ledger().map(({ channel, received, waiting, inFlight, bytes }) => ({
    name: channel,
    received,
    waiting,
    inFlight,
    bytes,
    messages: `/channels/${channel}/messages`,
  }))
  return JSON.stringify({ channels })
}

/** As many of the messages as a page may have. */
async function shown(
  { messages, next }: MessagePage,
  nextTurn: () => Promise<void>,
): Promise<ShownPage> {
  const lines = await textPage(messages, messageLine, nextTurn)
  return { lines, next: messages[lines.length]?.offset ?? next }
}

/** @throws {RequestError} 404 for undefined: there is no such channel. */
export function found<Answer>(name: string, answer: Answer | undefined): Answer {
  if (answer !== undefined) return answer
  throw new RequestError(
    404,
    'ChannelNotFound',
    `There is no channel ${quoted(name)}. GET /channels lists them.`,
  )
}
