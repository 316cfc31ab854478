/** The answers of the sample connector for messages, queries, clients, the ledger and settings. */
import type { FastifyInstance } from 'fastify'
import { clientList } from '../../../src/http/api/shapes/clients.ts'
import { ledger } from '../../../src/http/api/shapes/ledger.ts'
import { deadLetter, replayReport, story } from '../../../src/http/api/shapes/messages.ts'
import { tableList } from '../../../src/http/api/shapes/query.ts'
import { settings } from '../../../src/http/api/shapes/settings.ts'
import {
  sampleClients,
  sampleDeadLetters,
  sampleLedger,
  sampleRows,
  sampleSettings,
  sampleStory,
  sampleTables,
} from './sample-page-data.ts'

const MAX_ROWS = 1_000_000

interface ReplayBody {
  readonly from?: number
  readonly to?: number
  readonly dryRun?: boolean
}

export class SamplePages {
  /** What is left of them; a replay removes its own. */
  letters = sampleDeadLetters(Date.now())
  clients = sampleClients
  ledger = sampleLedger
  settings = sampleSettings
  /** False: a query is not answered until its client goes away. */
  isAnswering = true
  /** Queries whose clients have gone away. */
  cancelled = 0
  /** Answered in place of the next result, with status 400. */
  queryError: string | undefined
  /** The lines of JSON of a result. */
  rows: readonly string[] = sampleRows(Date.now())
  /** The bodies of requests with effects, and of queries. */
  readonly bodies: unknown[] = []
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** The event of a topic; undefined for topics of other pages. */
  event(topic: string): unknown {
    if (topic === 'ledger') return ledger.parse(this.ledger(this.#now()))
    if (topic === 'clients') return clientList.parse(this.clients(this.#now()))
    return undefined
  }

  routes(server: FastifyInstance): void {
    server.get('/api/v1/ledger', async () => this.event('ledger'))
    server.get('/api/v1/clients', async () => this.event('clients'))
    server.get('/api/v1/config', async () => settings.parse(this.settings()))
    server.get('/api/v1/tables', async () => tableList.parse(sampleTables()))
    server.get<{ Params: { id: string } }>('/api/v1/messages/:id/story', async (request) =>
      story.parse(sampleStory(request.params.id, this.#now())),
    )
    this.#deadLetters(server)
    this.#query(server)
  }

  #deadLetters(server: FastifyInstance): void {
    server.get('/api/v1/dead-letters', async (request, reply) => {
      const asked = request.query as Record<string, string>
      const { from = '0', limit = '100' } = asked
      const matching = this.letters.filter(
        (letter) =>
          letter.offset >= Number(from) &&
          (asked['channel'] === undefined || letter.channel === asked['channel']) &&
          (asked['error'] === undefined || letter.error === asked['error']) &&
          (asked['destination'] === undefined || letter.destination === asked['destination']),
      )
      const next = matching[Number(limit)]
      if (next !== undefined) reply.header('x-next-offset', next.offset)
      reply.type('application/x-ndjson')
      return matching
        .slice(0, Number(limit))
        .map((letter) => `${JSON.stringify(deadLetter.parse(letter))}\n`)
        .join('')
    })
    server.post<{ Body: ReplayBody }>('/api/v1/dead-letters/replay', async ({ body }) => {
      this.bodies.push(body)
      const { from = 0, to = 1_000_000, dryRun = false } = body
      const matched = this.letters.filter(({ offset }) => offset >= from && offset < to)
      if (!dryRun) this.letters = this.letters.filter((one) => !matched.includes(one))
      const replayed = dryRun ? 0 : matched.length
      return replayReport.parse({ matched: matched.length, replayed, refused: [], next: null, to })
    })
  }

  #query(server: FastifyInstance): void {
    server.post<{ Body: { format?: string; maxRows?: number } }>(
      '/api/v1/query',
      async ({ body }, reply) => {
        this.bodies.push(body)
        reply.raw.once('close', () => {
          if (!reply.raw.writableFinished) this.cancelled++
        })
        if (!this.isAnswering) return reply.hijack()
        const message = this.queryError
        this.queryError = undefined
        if (message !== undefined) return reply.code(400).send({ error: 'InvalidQuery', message })
        if (body.format === 'csv') return reply.type('text/csv').send('minute,temp\r\n1,2\r\n')
        const lines = this.rows.slice(0, body.maxRows ?? MAX_ROWS)
        return reply.type('application/x-ndjson').send(lines.map((line) => `${line}\n`).join(''))
      },
    )
  }
}
