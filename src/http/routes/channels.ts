/** The channels and the messages they hold. */
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import { parseTime } from '../../iso-time.ts'
import { quoted } from '../../shown-text.ts'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, LINES_TYPE, sendInPieces, textPage } from '../requests/pages.ts'
import { parseRequest, wholeNumber } from '../requests/query.ts'
import { RequestError } from '../requests/request-error.ts'
import type { ConnectorView, MessagePage, ReadFrom } from '../views/connector-view.ts'
import { messageLine } from '../views/message-line.ts'

const MAX_MESSAGES = 1000
const MAX_WAIT_SECONDS = 60
const FROM = 'must be earliest, now, an offset, or a time like 2026-01-31T12:00:00Z'

const messagesQuery = z.strictObject({
  from: z.string(FROM).default('earliest').transform(readFrom),
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
  const channels = view.ledger().map(({ channel, received, waiting, bytes }) => ({
    name: channel,
    received,
    waiting,
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

function found(name: string, page: MessagePage | undefined): MessagePage {
  if (page !== undefined) return page
  throw new RequestError(
    404,
    'ChannelNotFound',
    `There is no channel ${quoted(name)}. GET /channels lists them.`,
  )
}

function readFrom(text: string, context: z.RefinementCtx): ReadFrom {
  if (text === 'earliest' || text === 'now') return text
  if (/^\d{1,15}$/.test(text)) return { offset: Number(text) }
  const timeMs = parseTime(text)
  if (timeMs !== undefined) return { timeMs }
  context.addIssue({ code: 'custom', message: `${FROM}; it is ${quoted(text)}` })
  return z.NEVER
}
