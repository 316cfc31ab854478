/** DuckDB in the child process, for jobs that write files: without the locks of queries. */
import type { DuckDBConnection } from '@duckdb/node-api'
import { loadDuckdb } from '../../duckdb/load-duckdb.ts'

/** Row groups are bounded, so what it holds does not grow with the rows. */
const MEMORY_LIMIT = '400MB'

export type Row = Readonly<Record<string, unknown>>

/**
 * Runs `work` with a connection of its own. An abort interrupts the statement that is running.
 * @throws {ConnectorError} AnalyticsUnavailable if DuckDB is not installed
 */
export async function withSession<Result>(
  signal: AbortSignal,
  work: (connection: DuckDBConnection) => Promise<Result>,
): Promise<Result> {
  const { DuckDBInstance } = loadDuckdb()
  // One thread: rows keep their order, and the connector keeps the other cores.
  const options = { threads: '1', memory_limit: MEMORY_LIMIT, temp_directory: '' }
  const instance = await DuckDBInstance.create(':memory:', options)
  const connection = await instance.connect()
  const interrupt = () => connection.interrupt()
  signal.addEventListener('abort', interrupt)
  try {
    signal.throwIfAborted()
    return await work(connection)
  } finally {
    signal.removeEventListener('abort', interrupt)
    connection.closeSync()
    instance.closeSync()
  }
}

export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Row[]> {
  const reader = await connection.runAndReadAll(sql)
  return reader.getRowObjectsJS()
}

/** A count or an offset; 0 if it is NULL. */
export function numberIn(row: Row | undefined, name: string): number {
  return Number(row?.[name] ?? 0)
}
