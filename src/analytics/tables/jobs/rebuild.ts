/** Rebuilds the catalogue of a table from what its files say about themselves. */
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { textLiteral } from '../../duckdb/sql-text.ts'
import {
  type Catalogue,
  columnsShape,
  EMPTY_CATALOGUE,
  type FileFacts,
  readCatalogue,
  writeCatalogue,
} from '../catalogue.ts'
import { type FieldColumn, mergeColumns } from '../columns.ts'
import { fileSum } from '../file-sum.ts'
import { listTable } from '../table-listing.ts'
import { type TableLocation, tableDirectory } from '../table-location.ts'
import { driftIn, parquetPattern, parquetSource, tallyOf } from './parquet-file.ts'
import { rowsOf } from './session.ts'

/** The catalogue as it is, or rebuilt if it is lost or damaged. */
export async function openCatalogue(
  connection: DuckDBConnection,
  directory: string,
  table: TableLocation,
): Promise<Catalogue> {
  const found = await readCatalogue(directory, table)
  if (found !== undefined && found !== 'damaged') return found
  return rebuildCatalogue(connection, directory, table)
}

/** Leaves out files that can't be read. Writes the catalogue if there are files. */
export async function rebuildCatalogue(
  connection: DuckDBConnection,
  directory: string,
  table: TableLocation,
): Promise<Catalogue> {
  const { files } = await listTable(directory, table)
  if (files.length === 0) return EMPTY_CATALOGUE
  const facts = new Map<string, FileFacts>()
  let columns: FieldColumn[] = []
  for (const { path } of files) {
    const whole = join(tableDirectory(directory, table), path)
    try {
      const { rows } = await tallyOf(connection, table, parquetSource([whole]))
      const drift = await driftIn(connection, whole)
      columns = union(columns, await columnsIn(connection, whole))
      facts.set(path, { ...(await fileSum(whole)), rows, drift })
    } catch {
      // It has no facts, so `doctor` reports it.
    }
  }
  const catalogue = { columns, files: facts }
  await writeCatalogue(directory, table, catalogue)
  return catalogue
}

/** Files of one table give the same name to the same field. */
function union(known: FieldColumn[], found: readonly FieldColumn[]): FieldColumn[] {
  const names = new Set(known.map(({ name }) => name))
  const widened = mergeColumns(
    known,
    found.filter(({ name }) => names.has(name)),
  )
  return [...widened, ...found.filter(({ name }) => !names.has(name))]
}

async function columnsIn(connection: DuckDBConnection, path: string): Promise<FieldColumn[]> {
  const [row] = await rowsOf(
    connection,
    `SELECT decode(value) AS columns FROM parquet_kv_metadata(${textLiteral(parquetPattern(path))})
     WHERE decode(key) = 'columns'`,
  )
  const { success, data } = columnsShape.safeParse(JSON.parse(String(row?.['columns'] ?? '[]')))
  return success ? data : []
}
