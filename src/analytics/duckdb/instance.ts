/**
 * A DuckDB in memory for one query, which can see nothing but the files that the query may read.
 *
 * DuckDB takes a setting of its locks only while the ones after it are open, so the order is fixed:
 *
 *     openInstance     no extensions; bounds of memory and temporary files
 *     allowFiles       the only files that stay within reach
 *     (the caller adds functions and creates views)
 *     lockInstance     no other files, no secrets, no further settings
 *
 * `allowed_paths` allows writing as well as reading, so the locks protect the files only together
 * with `select-statement.ts`, which lets nothing but a SELECT through. DuckDB's
 * `allowed_directories` would allow everything below a directory and is never used.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { athenaMacrosFor } from './athena-macros.ts'
import { loadDuckdb } from './load-duckdb.ts'
import { textLiteral } from './sql-text.ts'

export interface InstanceBounds {
  readonly memoryBytes: number
  readonly threads: number
  /** Where results that do not fit into memory are kept meanwhile. */
  readonly temporaryDirectory: string
  readonly maxTemporaryBytes: number
}

/** `athena`: a division of whole numbers gives a whole number, as in the SQL of datasets. */
export type Dialect = 'duckdb' | 'athena'

export interface Instance {
  readonly connection: DuckDBConnection
  close(): void
}

/** @throws {ConnectorError} AnalyticsUnavailable without DuckDB */
export async function openInstance(bounds: InstanceBounds, dialect: Dialect): Promise<Instance> {
  const { DuckDBInstance } = loadDuckdb()
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    temp_directory: bounds.temporaryDirectory,
    max_temp_directory_size: `${bounds.maxTemporaryBytes}B`,
    memory_limit: `${bounds.memoryBytes}B`,
    threads: `${bounds.threads}`,
    errors_as_json: 'true',
  })
  const connection = await instance.connect()
  await connection.run("set TimeZone = 'UTC'")
  if (dialect === 'athena') await connection.run('set integer_division = true')
  return {
    connection,
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

/** Adds the functions of Athena that the text may call. To be called before the locks. */
export async function addAthenaFunctions(connection: DuckDBConnection, sql: string): Promise<void> {
  const macros = athenaMacrosFor(sql)
  if (macros !== '') await connection.run(macros)
}

/** @param files relative to the working directory, because some functions show them */
export async function allowFiles(
  connection: DuckDBConnection,
  files: readonly string[],
): Promise<void> {
  await connection.run(`set allowed_paths = [${files.map(textLiteral).join(', ')}]`)
}

/** To be called last: nothing can be set afterwards. */
export async function lockInstance(connection: DuckDBConnection): Promise<void> {
  await connection.run(
    'set enable_external_access = false; ' +
      'set allow_persistent_secrets = false; ' +
      'set lock_configuration = true',
  )
}
