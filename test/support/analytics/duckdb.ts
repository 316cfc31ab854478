/** DuckDB in the test's own process. */
import type { TestContext } from 'node:test'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'

export async function duckdb(t: TestContext): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  t.after(() => {
    connection.closeSync()
    instance.closeSync()
  })
  return connection
}

export async function rowsOf(
  connection: DuckDBConnection,
  sql: string,
): Promise<Record<string, unknown>[]> {
  const reader = await connection.runAndReadAll(sql)
  return reader.getRowObjectsJS()
}
