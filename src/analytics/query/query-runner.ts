/**
 * Runs queries in a worker process. Few run at a time, because they share the memory that the
 * process may have; a few more wait.
 */
import { ConnectorError } from '../../errors.ts'
import { formatDuration } from '../../units.ts'
import type { RunOptions } from '../worker/worker-process.ts'
import type { QueryOptions } from './options.ts'
import { asQuerySummary, type QueryInput, type QuerySummary } from './query-request.ts'

export const QUERY_JOB = 'query'

/**
 * Of the process's memory, what Node needs and what DuckDB does not count. DuckDB has to meet its own
 * limit first: then it continues on disk, while the limit of the process ends the query.
 */
const RESERVED_BYTES = 256 * 1024 * 1024
/** Enough for aggregates. */
const MIN_DUCKDB_BYTES = 64 * 1024 * 1024
const MAX_WAITING = 8

/** Of `WorkerProcess`, what runs queries. */
export interface QueryWorker {
  run(job: string, request: unknown, options: RunOptions): Promise<unknown>
}

export interface QueryRunnerOptions {
  readonly limits: QueryOptions
  readonly worker: QueryWorker
  /** The data directory, as an absolute path. */
  readonly directory: string
}

/** A query as a person asks it. */
export type Question = Pick<
  QueryInput,
  'sql' | 'format' | 'width' | 'isExplained' | 'maxRows' | 'dialect' | 'datastoreRows'
>

export interface Reader {
  /** Aborted when nobody wants the result any more. */
  readonly signal: AbortSignal
  /** Takes a part of the result; the query waits until it resolves. */
  readonly onPart: (part: Buffer) => Promise<void> | void
}

export class QueryRunner {
  readonly #options: QueryRunnerOptions
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(options: QueryRunnerOptions) {
    this.#options = options
  }

  /**
   * @throws {ConnectorError} InvalidQuery, QueryLimit; AnalyticsUnavailable if too many wait, or
   *   the process has ended
   * @throws the signal's reason if it was aborted
   */
  async run(question: Question, { signal, onPart }: Reader): Promise<QuerySummary> {
    const { worker, directory, limits } = this.#options
    const { memory, timeout, maxTemporaryBytes, maxResultBytes, maxRunning } = limits
    await this.#enter(signal)
    try {
      const request: QueryInput = {
        ...question,
        directory,
        memoryBytes: duckdbBytes(memory, maxRunning),
        maxTemporaryBytes,
        maxResultBytes,
      }
      const onEvent = async (part: unknown) => {
        if (part instanceof Uint8Array) await onPart(asBuffer(part))
      }
      const end = AbortSignal.timeout(timeout)
      const options = { signal: AbortSignal.any([signal, end]), onEvent }
      try {
        return asQuerySummary(await worker.run(QUERY_JOB, request, options))
      } catch (thrown) {
        throw thrown === end.reason && !signal.aborted ? tookTooLong(timeout) : thrown
      }
    } finally {
      this.#leave()
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#running < this.#options.limits.maxRunning) {
      this.#running++
      return
    }
    if (this.#waiting.length >= MAX_WAITING) {
      throw new ConnectorError(
        'AnalyticsUnavailable',
        'Too many queries are running and waiting. Try again later.',
      )
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(enter)
    })
  }

  /** The place goes to the one that has waited longest. */
  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running--
    else next()
  }
}

/** DuckDB's share for one of the queries that run at the same time. */
function duckdbBytes(memory: number, maxRunning: number): number {
  return Math.max(MIN_DUCKDB_BYTES, Math.floor((memory - RESERVED_BYTES) / maxRunning))
}

function tookTooLong(timeoutMs: number): ConnectorError {
  return new ConnectorError(
    'QueryLimit',
    `The query took longer than ${formatDuration(timeoutMs)} (analytics.query.timeout). Select a ` +
      'shorter time, or allow more.',
  )
}

/** What comes from another process is no Buffer any more. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
