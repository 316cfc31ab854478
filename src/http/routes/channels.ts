/** The channels and the messages they hold. */
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import { parseTime } from '../../iso-time.ts'
import type { LongPolls } from '../requests/long-poll.ts'
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

export function channelRoutes(
  server: FastifyInstance,
  view: ConnectorView,
  longPolls: LongPolls,
): void {
  server.get('/channels', () => ({
    channels: view.ledger().map(({ channel, received, waiting, bytes }) => ({
      name: channel,
      received,
      waiting,
      bytes,
      messages: `/channels/${channel}/messages`,
    })),
  }))

  server.get<{ Params: { name: string } }>('/channels/:name/messages', async (request, reply) => {
    const { from, limit, wait } = parseRequest(messagesQuery, request.query)
    const { name } = request.params
    let page = found(name, await view.readMessages(name, from, limit))
    if (page.messages.length === 0 && wait > 0) {
      const { next } = page
      await longPolls.wait(reply.raw, wait, (signal) => view.waitForMessages(name, next, signal))
      page = found(name, await view.readMessages(name, { offset: next }, limit))
    }
    return reply
      .type('application/x-ndjson')
      .header('x-next-offset', page.next)
      .send(page.messages.map(messageLine).join(''))
  })
}

function found(name: string, page: MessagePage | undefined): MessagePage {
  if (page !== undefined) return page
  throw new RequestError(
    404,
    'ChannelNotFound',
    `There is no channel ${JSON.stringify(name)}. GET /channels lists them.`,
  )
}

function readFrom(text: string, context: z.RefinementCtx): ReadFrom {
  if (text === 'earliest' || text === 'now') return text
  if (/^\d{1,15}$/.test(text)) return { offset: Number(text) }
  const timeMs = parseTime(text)
  if (timeMs !== undefined) return { timeMs }
  context.addIssue({ code: 'custom', message: `${FROM}; it is ${JSON.stringify(text)}` })
  return z.NEVER
}
