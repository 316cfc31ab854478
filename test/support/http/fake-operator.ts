/** A small server with the operator's API, whose answers a test decides. */
import type { ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { fastify } from 'fastify'
import type { ChannelRow } from '../../../src/http/api/shapes/channels.ts'
import type { ClientList } from '../../../src/http/api/shapes/clients.ts'
import type { DestinationDetail } from '../../../src/http/api/shapes/destinations.ts'
import type { Message, Tail } from '../../../src/http/api/shapes/messages.ts'
import type { Overview } from '../../../src/http/api/shapes/overview.ts'

export const NOW = '2026-11-28T09:31:07.000Z'

export function channelRowOf(name: string, more: Partial<ChannelRow> = {}): ChannelRow {
  return {
    name,
    in: 0,
    out: 0,
    waiting: 0,
    inFlight: 0,
    oldestAt: null,
    outageLeftSeconds: null,
    lost: 0,
    fault: null,
    ...more,
  }
}

export function destinationOf(
  name: string,
  more: Partial<DestinationDetail> = {},
): DestinationDetail {
  return {
    name,
    kind: 'iotAnalytics',
    state: 'working',
    since: null,
    nextAttemptAt: null,
    lastSuccessAt: null,
    out: 0,
    waiting: 0,
    error: null,
    error_message: null,
    description: 'https://aws.example',
    isPrimary: true,
    attempts: 0,
    lastRejectedAt: null,
    rejectedInARow: 0,
    oldestWaitingAt: null,
    unansweredSince: null,
    advice: null,
    answers: null,
    delivered: 0,
    rejected: 0,
    dropped: 0,
    expired: 0,
    channels: [],
    channelCount: 0,
    ...more,
  }
}

/** A connector that works and has got no message yet. */
export function overviewOf(more: Partial<Overview> = {}): Overview {
  return {
    now: NOW,
    instance: 'gateway-7',
    version: '0.1.0',
    startedAt: '2026-11-25T05:00:00.000Z',
    verdict: {
      level: 'ok',
      text: 'running',
      summary: 'Everything works.',
      since: '2026-11-25T05:00:00.000Z',
      problems: [],
    },
    ready: true,
    rates: { in: 0, stored: 0, delivered: 0 },
    received: 0,
    waiting: { messages: 0, oldestAt: null, goneInSeconds: null },
    outageLeft: null,
    lost: { hour: 0, total: 0, code: null },
    deadLetters: null,
    disk: { bytes: 0, maxBytes: 1e9, historyBytes: 0, freeBytes: 20e9 },
    memory: { bytes: 0, maxBytes: 512e6, rssBytes: 96e6 },
    sources: [],
    channels: [],
    channelCount: 0,
    destinations: [],
    lastRefusal: null,
    ...more,
  }
}

/** One whose first destination is away, as in the design of the first screen. */
export function troubledOverview(): Overview {
  return overviewOf({
    verdict: {
      level: 'warning',
      text: 'aws away for 2 h 10 min',
      summary: 'aws away for 2 h 10 min. Nothing is lost. 41 h left until storage.maxBytes.',
      since: '2026-11-28T07:21:03.000Z',
      problems: ['aws doesn’t take messages of 1 channel: connection refused.'],
    },
    ready: true,
    rates: { in: 1204.4, stored: 1204.4, delivered: 0 },
    received: 12_345_678,
    waiting: { messages: 9_400_000, oldestAt: '2026-11-28T07:21:03.000Z', goneInSeconds: 360 },
    outageLeft: { seconds: 148_000, bound: 'storage.maxBytes', channel: 'line_1' },
    lost: { hour: 0, total: 312, code: 'QueueFull' },
    deadLetters: 3,
    disk: { bytes: 1.9e9, maxBytes: 4e9, historyBytes: 1.1e9, freeBytes: 20e9 },
    memory: { bytes: 96e6, maxBytes: 512e6, rssBytes: 210e6 },
    sources: [
      {
        name: 'mqttServer',
        description: 'mqtt://0.0.0.0:1883',
        state: 'listening',
        since: null,
        clients: 212,
        in: 1204.4,
      },
    ],
    channels: [
      channelRowOf('line_1', {
        in: 1100,
        waiting: 9_400_000,
        oldestAt: '2026-11-28T07:21:03.000Z',
        outageLeftSeconds: 148_000,
        lost: 312,
      }),
      channelRowOf('alarms', { in: 4, out: 4 }),
    ],
    channelCount: 33,
    destinations: [
      {
        name: 'aws',
        kind: 'iotAnalytics',
        out: 0,
        state: 'retrying',
        since: '2026-11-28T07:21:03.000Z',
        nextAttemptAt: '2026-11-28T09:31:21.000Z',
        lastSuccessAt: '2026-11-28T07:21:03.000Z',
        waiting: 9_400_000,
        error: 'DestinationUnavailable',
        error_message: 'connection refused 10.1.0.4:443',
      },
    ],
  })
}

export class FakeOperator {
  readonly #server = fastify({ forceCloseConnections: true })
  readonly #streams = new Map<ServerResponse, readonly string[]>()
  url = ''
  tail: Tail | undefined
  /** Of the newest stream. */
  topics: readonly string[] = []
  overview = overviewOf()
  /** Answers 503 while it is false. */
  isThere = true
  /** Of every channel, from offset 0 on. */
  messages: readonly Message[] = []
  /** Accepts requests and answers none. */
  isSilent = false
  /** Sends nothing any more, and keeps its connections. */
  isHanging = false
  /** How often anything was asked. */
  asked = 0
  destinations: readonly DestinationDetail[] = []
  clients: ClientList = { now: NOW, clients: [], clientCount: 0, refused: [] }

  async open(t: TestContext, port = 0): Promise<this> {
    const ticks = setInterval(() => this.tick(), 1_000)
    t.after(async () => {
      clearInterval(ticks)
      await this.close()
    })
    this.#server.addHook('onRequest', async (_request, reply) => {
      this.asked += 1
      if (this.isSilent) await new Promise(() => {})
      if (!this.isThere) return reply.code(503).send({ error: 'NotReady', message: 'Starting.' })
      return undefined
    })
    this.#server.get('/api/v1/overview', async () => this.overview)
    this.#server.get('/api/v1/channels', async () => ({
      channels: this.overview.channels,
      next: null,
    }))
    this.#server.get<{ Querystring: { from: string } }>(
      '/api/v1/channels/:name/messages',
      async ({ query }, reply) => {
        const from = Number.isNaN(Number(query.from)) ? 0 : Number(query.from)
        const lines = this.messages.slice(from).map((message) => `${JSON.stringify(message)}\n`)
        reply.header('x-next-offset', String(this.messages.length))
        return reply.send(lines.join(''))
      },
    )
    this.#server.get('/api/v1/destinations', async () => ({
      now: this.overview.now,
      destinations: this.destinations,
    }))
    this.#server.get('/api/v1/clients', async () => this.clients)
    this.#server.get<{ Querystring: { topics: string } }>('/api/v1/events', (request, reply) => {
      reply.hijack()
      const topics = request.query.topics.split(',')
      const { raw } = reply
      raw.writeHead(200, { 'content-type': 'text/event-stream' })
      this.topics = topics
      this.#streams.set(raw, topics)
      raw.on('close', () => this.#streams.delete(raw))
      this.#sendTo(raw, topics)
    })
    this.url = await this.#server.listen({ host: '127.0.0.1', port })
    return this
  }

  /** How many streams are open. */
  get streams(): number {
    return this.#streams.size
  }

  /** Sends everything that the streams have asked for, as it does every second. */
  tick(): void {
    if (this.isHanging) return
    for (const [raw, topics] of this.#streams) this.#sendTo(raw, topics)
  }

  #sendTo(raw: ServerResponse, topics: readonly string[]): void {
    const { now, channels } = this.overview
    const events: Record<string, unknown> = {
      overview: this.overview,
      channels: { now, rows: channels, others: null },
      destinations: { now, destinations: this.destinations },
      clients: this.clients,
      ...(this.tail === undefined ? {} : { [`tail:${this.tail.channel}`]: this.tail }),
    }
    for (const topic of topics) {
      const data = events[topic]
      if (data === undefined) continue
      raw.write(`event: ${topic.replace(/:.*/, '')}\ndata: ${JSON.stringify(data)}\n\n`)
    }
  }

  async close(): Promise<void> {
    for (const raw of this.#streams.keys()) raw.destroy()
    await this.#server.close()
  }
}
