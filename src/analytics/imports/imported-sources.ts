/**
 * Which files have been imported: the footers of the Parquet files that they went into say it. So
 * there is no other record that could disagree with the files, and a copy of the directory has it.
 */
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { textLiteral } from '../duckdb/sql-text.ts'
import { parquetPattern } from '../tables/jobs/parquet-file.ts'
import { rowsOf } from '../tables/jobs/session.ts'
import { parseTablePath } from '../tables/table-file.ts'
import { listTable } from '../tables/table-listing.ts'
import { type TableLocation, tableDirectory } from '../tables/table-location.ts'

/** In the footer: ids of sources, with spaces between them. */
export const SOURCES_KEY = 'sources'
const FILES_AT_ONCE = 500

export interface ImportedSources {
  /** By day: sources whose rows of that day are there. */
  readonly byDay: ReadonlyMap<string, ReadonlySet<string>>
  /** Of all logs in the table. */
  readonly logIds: ReadonlySet<string>
}

export async function importedSources(
  connection: DuckDBConnection,
  directory: string,
  table: TableLocation,
): Promise<ImportedSources> {
  const { files, superseded } = await listTable(directory, table)
  const byDay = new Map<string, Set<string>>()
  const root = tableDirectory(directory, table)
  for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
    const paths = files.slice(at, at + FILES_AT_ONCE).map(({ path }) => join(root, path))
    for (const { path, sources } of await footersOf(connection, paths)) {
      const { day } = parseTablePath(path.slice(root.length + 1)) ?? { day: '' }
      const known = byDay.get(day) ?? new Set()
      for (const source of sources) known.add(source)
      byDay.set(day, known)
    }
  }
  const all = [...files, ...superseded.map(({ file }) => file)]
  return { byDay, logIds: new Set(all.map(({ logId }) => logId)) }
}

async function footersOf(connection: DuckDBConnection, paths: readonly string[]) {
  const list = paths.map((path) => textLiteral(parquetPattern(path))).join(', ')
  const rows = await rowsOf(
    connection,
    `SELECT file_name AS path, decode(value) AS sources FROM parquet_kv_metadata([${list}])
     WHERE decode(key) = ${textLiteral(SOURCES_KEY)}`,
  )
  return rows.map((row) => ({
    path: String(row['path']),
    sources: String(row['sources']).split(' '),
  }))
}
