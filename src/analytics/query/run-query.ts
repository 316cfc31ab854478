/**
 * Runs one query in an instance of its own: which channels the statement names, what there is of
 * them now, views, locks, result.
 */

import { rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import {
  addAthenaFunctions,
  allowFiles,
  type Instance,
  lockInstance,
  openInstance,
} from '../duckdb/instance.ts'
import { queryErrorOf } from '../duckdb/query-error.ts'
import { parseSelect, prepareSelect } from '../duckdb/select-statement.ts'
import { withStandardQuotes } from '../duckdb/sql-text.ts'
import type { Job } from '../worker/job.ts'
import type { QueryRequest, QuerySummary } from './query-request.ts'
import { rowFormat, type Written, writeParquet, writePlan, writeRows } from './result-writer.ts'
import { StoredTables } from './tables/stored-tables.ts'
import { type NamedSnapshot, type TableSnapshot, viewsOf } from './tables/table-snapshot.ts'
import { unusable } from './tables/time-expression.ts'
import { makeTemporaryDirectory } from './temporary-directory.ts'

/** More threads would take the processor from the connector. */
const MAX_THREADS = 2
/** A file may be replaced by a wider one between its listing and its opening. */
const MAX_ATTEMPTS = 3
const RESULT_FILE = 'result.parquet'

/** Whether a part of the result has been handed over: from then on there is no second attempt. */
interface Progress {
  isBegun: boolean
}

export async function runQuery(request: QueryRequest, job: Job): Promise<QuerySummary> {
  const begun = performance.now()
  // Paths are relative, because some functions show them.
  process.chdir(request.directory)
  const temporaryDirectory = await makeTemporaryDirectory()
  const progress: Progress = { isBegun: false }
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        const summary = await attemptQuery(request, job, temporaryDirectory, progress)
        return { ...summary, elapsedMs: Math.round(performance.now() - begun) }
      } catch (thrown) {
        const mayTryAgain = attempt < MAX_ATTEMPTS && !progress.isBegun && isMissingFile(thrown)
        if (!mayTryAgain) throw queryErrorOf(thrown, request.sql)
      }
    }
  } finally {
    await rm(temporaryDirectory, { recursive: true, force: true })
  }
}

async function attemptQuery(
  request: QueryRequest,
  job: Job,
  temporaryDirectory: string,
  progress: Progress,
): Promise<Omit<QuerySummary, 'elapsedMs'>> {
  const { memoryBytes, maxTemporaryBytes, dialect } = request
  const threads = Math.min(MAX_THREADS, availableParallelism())
  const bounds = { memoryBytes, threads, temporaryDirectory, maxTemporaryBytes }
  const instance = await openInstance(bounds, dialect)
  const interrupt = () => instance.connection.interrupt()
  job.signal.addEventListener('abort', interrupt)
  const { connection } = instance
  const tables = new StoredTables({ ...request, datastoreRows: request.datastoreRows, connection })
  try {
    const sql = withStandardQuotes(request.sql)
    const statement = await parseSelect(instance.connection, sql)
    const { timeExpression } = request.datastoreRows ?? {}
    await addAthenaFunctions(connection, `${sql} ${timeExpression}`)
    const snapshots = await tables.snapshotsFor(statement)
    const resultFile = join(temporaryDirectory, RESULT_FILE)
    await openViews(instance, snapshots, { resultFile, timeExpression })
    job.signal.throwIfAborted()
    const emit = async (part: Buffer) => {
      progress.isBegun = true
      await job.emit(part)
      job.signal.throwIfAborted()
    }
    const written = await writeResult(instance.connection, { ...request, sql }, resultFile, emit)
    return { ...written, ...figuresOf(snapshots) }
  } finally {
    job.signal.removeEventListener('abort', interrupt)
    tables.close()
    instance.close()
  }
}

async function openViews(
  { connection }: Instance,
  snapshots: readonly NamedSnapshot[],
  {
    resultFile,
    timeExpression,
  }: { readonly resultFile: string; readonly timeExpression: string | undefined },
): Promise<void> {
  const files = snapshots.flatMap(({ snapshot }) => snapshot.files)
  await allowFiles(connection, [...files, resultFile])
  for (const statement of snapshots.flatMap(viewsOf)) {
    await connection.run(statement).catch((thrown: unknown) => {
      if (timeExpression === undefined || isMissingFile(thrown)) throw thrown
      throw unusable(timeExpression, queryErrorOf(thrown, statement).message)
    })
  }
  await lockInstance(connection)
}

async function writeResult(
  connection: DuckDBConnection,
  request: QueryRequest,
  resultFile: string,
  emit: (part: Buffer) => Promise<void>,
): Promise<Written> {
  const { sql, format, width, isExplained } = request
  const prepared = await prepareSelect(connection, sql)
  if (isExplained) {
    await writePlan(connection, sql, emit)
    return { rows: 0, isCut: false }
  }
  if (format === 'parquet') return await writeParquet(connection, sql, resultFile, request, emit)
  return await writeRows(prepared, rowFormat(format, width), request, emit)
}

function figuresOf(snapshots: readonly NamedSnapshot[]) {
  const sum = (of: (snapshot: TableSnapshot) => number) =>
    snapshots.reduce((total, { snapshot }) => total + of(snapshot), 0)
  return {
    files: sum(({ files }) => files.length),
    fileBytes: sum(({ fileBytes }) => fileBytes),
    tailRows: sum(({ tailRows }) => tailRows),
  }
}

/** As DuckDB says it of a file that is gone. */
function isMissingFile(thrown: unknown): boolean {
  return thrown instanceof Error && /No files found|No such file/.test(thrown.message)
}
