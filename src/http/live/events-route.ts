/** `GET events`: the stream of events. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { timeText } from '../../iso-time.ts'
import { API, operations } from '../api/operations.ts'
import type { Hello } from '../api/shapes/session.ts'
import type { Connections } from '../connections/connections.ts'
import { parseRequest } from '../requests/query.ts'
import { RequestError } from '../requests/request-error.ts'
import { eventText } from './event-text.ts'
import { type LiveEvents, TICK_MS } from './live-events.ts'

/** A client that takes nothing for this long loses its stream. */
const STALL_MS = 30_000
/** How long browsers wait before they connect again. */
const RETRY_MS = 2_000
const RETRY_AFTER_S = 5

/** Sent by `onSend` to other answers; a stream has no such hook. */
const HEAD = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'",
  'x-content-type-options': 'nosniff',
  // For proxies that would collect events.
  'x-accel-buffering': 'no',
}

export interface EventsRouteOptions {
  readonly events: LiveEvents
  readonly connections: Connections
  readonly now: () => number
  /** What the first event says, besides the time and the rights. */
  readonly about: () => Promise<Pick<Hello, 'version' | 'build' | 'instance'>>
}

export function eventsRoute(server: FastifyInstance, options: EventsRouteOptions): void {
  const { events, connections, now, about } = options
  const { path, query } = operations.events
  const config = { right: 'view' } as const
  server.get(
    `${API}/${path}`,
    { config, exposeHeadRoute: false },
    async (request: FastifyRequest, reply: FastifyReply) => {
      const { topics: wanted } = parseRequest(query, request.query)
      const hello: Hello = {
        now: timeText(now()),
        ...(await about()),
        tickMs: TICK_MS,
        rights: [...request.access.rights],
      }
      if (!events.hasRoom) {
        const message = `As many streams as there can be are open. Try again in ${RETRY_AFTER_S} s.`
        throw new RequestError(503, 'TooManyRequests', message, RETRY_AFTER_S)
      }
      const { ended } = request.access
      if (ended.aborted) throw new RequestError(401, 'NotAuthorized', 'The session has ended.')
      if (reply.raw.destroyed) return reply
      reply.hijack()
      connections.expectLongAnswer(request.raw.socket, STALL_MS)
      reply.raw.writeHead(200, HEAD)
      const start = Buffer.from(`retry: ${RETRY_MS}\n\n`)
      const viewer = events.add(reply.raw, wanted, [start, eventText('hello', hello)])
      const end = (): void => viewer.end()
      ended.addEventListener('abort', end)
      reply.raw.once('close', () => ended.removeEventListener('abort', end))
      return reply
    },
  )
}
