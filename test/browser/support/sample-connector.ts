/**
 * A server that answers as the operator's API does, from made-up figures: for states that are hard
 * to reach with a connector. What it says is checked against the shapes, so it cannot drift away.
 */
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import fastify, { type FastifyInstance } from 'fastify'
import type { ZodType } from 'zod'
import {
  channelDetail,
  channelList,
  channelTable,
  fieldList,
} from '../../../src/http/api/shapes/channels.ts'
import {
  type DestinationList,
  destinationList,
  retried,
} from '../../../src/http/api/shapes/destinations.ts'
import { type TailMessage, tail } from '../../../src/http/api/shapes/messages.ts'
import { history, type Overview, overview } from '../../../src/http/api/shapes/overview.ts'
import { hello, type Login, type Right, session } from '../../../src/http/api/shapes/session.ts'
import { DashboardFiles, dashboardRoutes } from '../../../src/http/dashboard-files.ts'
import {
  isoAt,
  sampleChannelDetail,
  sampleDestinationList,
  sampleFields,
  sampleHistory,
  sampleMessage,
  sampleOverview,
} from './sample-data.ts'
import { SamplePages } from './sample-pages.ts'

interface Viewer {
  readonly response: ServerResponse
  readonly topics: readonly string[]
}

export class SampleConnector {
  rights: Right[] = ['view', 'operate']
  /** The token that is asked for; undefined: everyone may look. */
  token: string | undefined
  /** What the command `dashboard` has given out. */
  readonly codes = new Set<string>()
  /** Sent in place of the build of the files. */
  otherBuild: string | undefined
  /** The overview, made again at each tick. */
  overviewAt: (now: number) => Overview = sampleOverview
  destinationsAt: (now: number) => DestinationList = sampleDestinationList
  /** What the next event of a tail says. */
  tailMessages: (now: number, from: number) => TailMessage[] = (now, from) =>
    Array.from({ length: 3 }, (_, index) => sampleMessage(now, from + index))
  /** How far the clock of the connector is ahead. */
  skewMs = 0
  /** True: streams are not answered. */
  isSilent = false
  /** True: what pages ask for is answered with an error. */
  isFailing = false
  readonly asked: string[] = []
  /** Messages, queries, clients, ledger and settings. */
  readonly pages = new SamplePages(() => this.#now())
  readonly #viewers = new Set<Viewer>()
  readonly #files = new DashboardFiles()
  readonly #server: FastifyInstance = fastify({ forceCloseConnections: true })
  #timer: ReturnType<typeof setInterval> | undefined
  #nextOffset = 31_204_331

  get url(): string {
    const { port } = this.#server.server.address() as AddressInfo
    return `http://127.0.0.1:${port}/`
  }

  get viewerCount(): number {
    return this.#viewers.size
  }

  static async started(t: TestContext): Promise<SampleConnector> {
    const connector = await new SampleConnector().start()
    t.after(() => connector.close())
    return connector
  }

  /** @param port for a person who looks at it; tests use any */
  async start(port = 0): Promise<this> {
    this.#routes()
    await this.#server.listen({ host: '127.0.0.1', port })
    this.#timer = setInterval(() => this.tick(), 1000)
    return this
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#server.close()
  }

  /** All topics, to all viewers. */
  tick(): void {
    for (const viewer of this.#viewers) this.#tell(viewer)
  }

  /** Ends all streams, as a connector does that stops. */
  hangUp(): void {
    for (const { response } of this.#viewers) response.destroy()
  }

  /** Leaves the streams open, and sends nothing more. */
  forgetViewers(): void {
    this.#viewers.clear()
  }

  #routes(): void {
    const server = this.#server
    dashboardRoutes(server, this.#files)
    server.addHook('onRequest', async (request, reply) => {
      this.asked.push(`${request.method} ${request.url}`)
      const isApi = request.url.startsWith('/api/')
      if (this.isFailing && isApi && !/session|events/.test(request.url)) {
        const message = 'Storage failed: disk I/O error. See the log of the connector.'
        return reply.code(503).send({ error: 'StorageFailed', message })
      }
      const isKnown = this.token === undefined || request.headers.cookie === 'session=1'
      if (!isApi || isKnown || request.method === 'POST') return
      return reply.code(401).send({ error: 'Unauthorized', message: 'A token is needed.' })
    })
    this.#get('overview', overview, (now) => this.overviewAt(now))
    this.#get('history', history, sampleHistory)
    this.#get('channels', channelList, (now) => ({
      channels: this.overviewAt(now).channels,
      next: null,
    }))
    this.#get('channels/:name', channelDetail, sampleChannelDetail)
    this.#get('channels/:name/fields', fieldList, sampleFields)
    this.#get('channels/:name/history', history, sampleHistory)
    this.#get('destinations', destinationList, (now) => this.destinationsAt(now))
    this.#get('session', session, () => ({
      rights: this.rights,
      by: this.token === undefined ? ('loopback' as const) : ('session' as const),
      name: null,
      until: null,
      advice: this.rights.includes('operate') ? null : 'Run iot-analytics-connector dashboard.',
    }))
    this.#messages()
    this.#effects()
    this.pages.routes(server)
    server.get('/api/v1/events', (request, reply) => {
      reply.hijack()
      if (this.isSilent) return
      const { topics = '' } = request.query as { topics?: string }
      void this.#greet(reply.raw, topics.split(','))
    })
  }

  #get<Answer>(
    path: string,
    shape: ZodType<Answer>,
    answer: (now: number, name: string) => Answer,
  ) {
    this.#server.get<{ Params: { name?: string } }>(`/api/v1/${path}`, async (request) =>
      shape.parse(answer(this.#now(), request.params.name ?? '')),
    )
  }

  #messages(): void {
    this.#server.get('/api/v1/channels/:name/messages', async (request, reply) => {
      const { limit = '100' } = request.query as { limit?: string }
      const lines = Array.from({ length: Math.min(5, Number(limit)) }, (_, index) =>
        JSON.stringify(sampleMessage(this.#now(), 1_000 + index)),
      )
      reply.header('x-next-offset', 1_005).type('application/x-ndjson')
      return `${lines.join('\n')}\n`
    })
  }

  #effects(): void {
    this.#server.post('/api/v1/session', async (request, reply) => {
      const { token, code = '' } = request.body as Login
      if (token === undefined && !this.codes.delete(code)) {
        return reply.code(403).send({ error: 'Forbidden', message: 'The code is not known.' })
      }
      if (token !== undefined && token !== this.token) {
        return reply.code(401).send({ error: 'Unauthorized', message: 'The token is not known.' })
      }
      reply.header('set-cookie', 'session=1; HttpOnly; SameSite=Strict')
      return { rights: this.rights, by: 'session' as const, name: null, until: null, advice: null }
    })
    this.#server.post<{ Params: { name: string } }>(
      '/api/v1/destinations/:name/retry',
      async (request) =>
        retried.parse({ destinations: [{ destination: request.params.name, retried: 1 }] }),
    )
  }

  #now(): number {
    return Date.now() + this.skewMs
  }

  async #greet(response: ServerResponse, topics: readonly string[]): Promise<void> {
    const build = this.otherBuild ?? (await this.#files.build())
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    const viewer = { response, topics }
    this.#viewers.add(viewer)
    response.on('close', () => this.#viewers.delete(viewer))
    const now = isoAt(this.#now())
    const greeting = { now, version: '0.1.0', build, instance: 'box-7', tickMs: 1000 }
    write(response, 'hello', hello.parse({ ...greeting, rights: this.rights }))
    this.#tell(viewer)
  }

  #tell({ response, topics }: Viewer): void {
    const now = this.#now()
    const { channels } = this.overviewAt(now)
    for (const topic of topics) {
      if (topic === 'overview') write(response, topic, overview.parse(this.overviewAt(now)))
      if (topic === 'channels') {
        const others = { count: 31, in: 100, out: 100, waiting: 3, lost: 0 }
        write(response, topic, channelTable.parse({ now: isoAt(now), rows: channels, others }))
      }
      if (topic === 'destinations') {
        write(response, topic, destinationList.parse(this.destinationsAt(now)))
      }
      const page = this.pages.event(topic)
      if (page !== undefined) write(response, topic, page)
      if (topic.startsWith('tail:')) this.#tellTail(response, topic.slice(5), now)
    }
  }

  #tellTail(response: ServerResponse, channel: string, now: number): void {
    const from = this.#nextOffset
    const messages = this.tailMessages(now, from)
    this.#nextOffset += 1100
    const event = {
      channel,
      from,
      next: this.#nextOffset,
      skipped: 1100 - messages.length,
      messages,
    }
    write(response, 'tail', tail.parse(event))
  }
}

function write(response: ServerResponse, name: string, value: unknown): void {
  response.write(`event: ${name}\ndata: ${JSON.stringify(value)}\n\n`)
}
