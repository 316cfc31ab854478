/** `POST /api/v1/query`: SQL on the stored messages. The result is sent while it comes. */
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { ConnectorError } from '../../errors.ts'
import { refuseForeignOrigins } from '../access/own-requests.ts'
import type { Connections } from '../connections/connections.ts'
import { LINES_TYPE, TEXT_TYPE } from '../requests/pages.ts'
import { parseRequest } from '../requests/query.ts'
import type { RunningQueries } from './running-queries.ts'

export const QUERY_PATH = '/api/v1/query'
/** Of the answer: for `DELETE /api/v1/query/<id>`. */
const ID_HEADER = 'x-query-id'
/** Rows, time, files: known when the result is complete. Without it the result is not. */
export const SUMMARY_TRAILER = 'x-query-summary'

const TYPES = {
  table: TEXT_TYPE,
  csv: 'text/csv; charset=utf-8; header=present',
  jsonl: LINES_TYPE,
  parquet: 'application/vnd.apache.parquet',
} as const

/** Bytes of a result that wait for its client. */
const BUFFERED_BYTES = 128 * 1024
const MAX_WIDTH = 10_000
/** The SQL is right, and there is no result. */
const ENDED = ['QueryLimit', 'QueryCancelled']

const format = z.enum(['table', 'csv', 'jsonl', 'parquet']).default('jsonl')
export const question = z.strictObject({
  sql: z.string(),
  format,
  width: z.number().int().min(1).max(MAX_WIDTH).optional(),
  maxRows: z.number().int().min(1).optional(),
  explain: z.boolean().default(false),
})
/** With SQL as the body. */
const parameters = z.strictObject({ format })

export interface AskedQuestion {
  readonly sql: string
  readonly format: keyof typeof TYPES
  readonly width?: number | undefined
  readonly maxRows?: number | undefined
  readonly isExplained: boolean
}

/** What runs the queries. */
export interface QueryReceiver {
  /**
   * Resolves with figures about the result when it is complete. Calls `onPart` at least once, and
   * waits until each call resolves.
   * @throws {ConnectorError} InvalidQuery, QueryLimit, AnalyticsUnavailable
   */
  run(
    question: AskedQuestion,
    reader: {
      readonly signal: AbortSignal
      readonly onPart: (part: Buffer) => Promise<void>
    },
  ): Promise<object>
}

export function queryRoute(
  server: FastifyInstance,
  queries: QueryReceiver,
  { running, connections }: { running: RunningQueries; connections: Connections },
): void {
  server.register((scope, _options, ready) => {
    scope.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => {
      done(null, body)
    })
    scope.post(QUERY_PATH, { onRequest: refuseForeignOrigins }, async (request, reply) => {
      const asked = questionOf(request)
      try {
        const result = await begunResult(queries, asked, { request, reply, running })
        connections.expectLongAnswer(request.raw.socket)
        return reply.type(TYPES[asked.isExplained ? 'table' : asked.format]).send(result)
      } catch (thrown) {
        return answerQueryError(thrown, reply)
      }
    })
    ready()
  })
}

function questionOf({ body, query }: FastifyRequest): AskedQuestion {
  if (typeof body === 'string') {
    return { sql: body, ...parseRequest(parameters, query), isExplained: false }
  }
  const { explain, ...rest } = parseRequest(question, body)
  return { ...rest, isExplained: explain }
}

interface Asking {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly running: RunningQueries
}

/**
 * The result as a stream, once its first part is there. If the query fails later, the stream ends
 * with an error and the connection is closed, so that half a result is not taken for a whole one.
 */
async function begunResult(
  queries: QueryReceiver,
  asked: AskedQuestion,
  { request, reply, running }: Asking,
): Promise<PassThrough> {
  const cancelled = new AbortController()
  const { signal } = cancelled
  reply.raw.once('close', () => cancelled.abort())
  const id = running.begin(asked.sql, request.access.name, cancelled)
  reply.header(ID_HEADER, id)
  const result = new PassThrough({ highWaterMark: BUFFERED_BYTES })
  // Before the result is sent, nobody else listens.
  result.on('error', () => {})
  let begin = (): void => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const onPart = async (part: Buffer): Promise<void> => {
    begin()
    if (!result.write(part)) await once(result, 'drain', { signal })
  }
  const summary = queries.run(asked, { signal, onPart }).finally(() => running.ended(id))
  summary.then(
    () => result.end(),
    (error: Error) => result.destroy(error),
  )
  await Promise.race([begun, summary])
  // Only an answer with a result has it. If the query fails later, the error is that of the stream.
  reply.trailer(SUMMARY_TRAILER, async () => JSON.stringify(await summary.catch(() => null)))
  return result
}

/** The message of an error in SQL has lines: the text, and a caret below the place. */
function answerQueryError(thrown: unknown, reply: FastifyReply): FastifyReply {
  if (!(thrown instanceof ConnectorError) || thrown.effect !== 'reject') throw thrown
  const { code: error, message } = thrown
  return reply.code(ENDED.includes(error) ? 422 : 400).send({ error, message })
}
