/** Writes one Parquet file of a table, checks it, and only then gives it its name. */

import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { nodeFileLayer } from '../../../channels/disk/files/node-file-layer.ts'
import { ConnectorError } from '../../../errors.ts'
import { counted } from '../../../units.ts'
import { quotedName, textLiteral } from '../../duckdb/sql-text.ts'
import { type Catalogue, type FileFacts, writeCatalogue } from '../catalogue.ts'
import { DRIFT_COLUMN, type FieldColumn } from '../columns.ts'
import { fileSum } from '../file-sum.ts'
import {
  dayDirectoryName,
  hiddenFileName,
  type TableFile,
  tableFileName,
  tableFilePath,
} from '../table-file.ts'
import {
  originOf,
  PART_COLUMN,
  rowColumnsOf,
  type TableLocation,
  tableDirectory,
} from '../table-location.ts'
import { typedRows } from '../typed-columns.ts'
import { numberIn, rowsOf } from './session.ts'

/** Nobody changes a finished file, and DuckDB cannot overwrite it by accident. */
const FINISHED_MODE = 0o444
const GROUP_BYTES = 8_000_000
const FEWEST_GROUP_ROWS = 128
const MOST_GROUP_ROWS = 50_000

export interface ParquetFile {
  readonly directory: string
  readonly table: TableLocation
  readonly connectorId: string
  readonly file: TableFile
  readonly columns: readonly FieldColumn[]
  /** A table, function call or subquery with the columns of every row. */
  readonly source: string
}

/** What a file has, and what its source has. */
export interface RowTally {
  readonly rows: number
  readonly payloadBytes: number
  /** Offsets and payloads, in any order. */
  readonly digest: string
}

/** A file that is written, checked and still hidden. */
export interface HiddenFile extends FileFacts {
  readonly payloadBytes: number
}

/**
 * Writes the hidden file. Undefined if there are no rows, unless it may be empty.
 * @throws {ConnectorError} DataDamaged if the rows that can be read back are not those of the source
 */
export async function writeHidden(
  connection: DuckDBConnection,
  parquet: ParquetFile,
  { mayBeEmpty = false } = {},
): Promise<HiddenFile | undefined> {
  const { directory, table, file, source } = parquet
  const expected = await tallyOf(connection, table, source)
  if (expected.rows === 0 && !mayBeEmpty) return undefined
  const day = join(tableDirectory(directory, table), dayDirectoryName(file.day))
  const path = join(day, hiddenFileName(file))
  await nodeFileLayer.makeDirectory(day)
  await nodeFileLayer.remove(path)
  await connection.run(copyStatement(parquet, path, expected))
  await sync(path)
  const found = await tallyOf(connection, table, parquetSource([path]))
  const { rows, payloadBytes, digest } = found
  if (rows !== expected.rows || digest !== expected.digest) {
    await nodeFileLayer.remove(path)
    throw new ConnectorError('DataDamaged', differenceText(path, expected, found))
  }
  const drift = await driftIn(connection, path)
  return { rows, payloadBytes, drift, ...(await fileSum(path)) }
}

function differenceText(path: string, expected: RowTally, found: RowTally): string {
  const [wanted, read] = [expected, found].map(
    ({ rows, payloadBytes, digest }) =>
      `${counted(rows, 'row')} with ${counted(payloadBytes, 'byte')} of payload (${digest})`,
  )
  return `expected ${wanted} in ${path}, read back ${read}; the file was removed, and its rows will be converted again`
}

/** Gives the hidden file its name. The catalogue names it first. */
export async function publish(parquet: ParquetFile, catalogue: Catalogue): Promise<void> {
  const { directory, table, file } = parquet
  const day = join(tableDirectory(directory, table), dayDirectoryName(file.day))
  const path = join(day, hiddenFileName(file))
  await writeCatalogue(directory, table, catalogue)
  await chmod(path, FINISHED_MODE)
  await nodeFileLayer.rename(path, join(day, tableFileName(file)))
  await nodeFileLayer.syncDirectory(day)
}

/** The catalogue with a file more, or with another file in the place of one. */
export function withFile(
  catalogue: Catalogue,
  file: TableFile,
  facts: FileFacts,
  former: { readonly formerCrc32?: string } = {},
): Catalogue {
  const { bytes, rows, crc32, drift } = facts
  const files = new Map(catalogue.files)
  files.set(tableFilePath(file), { bytes, rows, crc32, ...former, drift })
  return { ...catalogue, files }
}

/** A call of `read_parquet`. */
export function parquetSource(paths: readonly string[]): string {
  const list = paths.map((path) => textLiteral(parquetPattern(path))).join(', ')
  return `read_parquet([${list}], hive_partitioning = false)`
}

/** DuckDB takes paths for patterns; this one fits the file alone. */
export function parquetPattern(path: string): string {
  return path.replace(/[*?[]/g, '[$&]')
}

/** @throws an error of DuckDB if the source can't be read */
export async function tallyOf(
  connection: DuckDBConnection,
  table: TableLocation,
  source: string,
): Promise<RowTally> {
  const hasParts = rowColumnsOf(table).some(({ name }) => name === PART_COLUMN)
  const key = hasParts ? `"offset", ${PART_COLUMN}, payload` : '"offset", payload'
  const [row] = await rowsOf(
    connection,
    `SELECT count(*) AS rows, sum(octet_length(payload)) AS payload_bytes,
       bit_xor(hash(${key})) AS digest FROM ${source}`,
  )
  return {
    rows: numberIn(row, 'rows'),
    payloadBytes: numberIn(row, 'payload_bytes'),
    digest: String(row?.['digest']),
  }
}

/** By column, the values that did not fit. */
export async function driftIn(
  connection: DuckDBConnection,
  path: string,
): Promise<Record<string, number>> {
  const rows = await rowsOf(
    connection,
    `SELECT name, count(*) AS count
     FROM (SELECT unnest(string_split(${DRIFT_COLUMN}, ',')) AS name FROM ${parquetSource([path])})
     GROUP BY ALL ORDER BY ALL`,
  )
  return Object.fromEntries(rows.map((row) => [String(row['name']), numberIn(row, 'count')]))
}

function copyStatement(parquet: ParquetFile, path: string, tally: RowTally): string {
  const { connectorId, table, file, columns, source } = parquet
  const metadata = Object.entries({
    connector: connectorId,
    ...originOf(table),
    log_id: file.logId,
    columns: JSON.stringify(columns),
  }).map(([key, value]) => `${quotedName(key)}: ${textLiteral(value)}`)
  // Version 2 would save a tenth of the room, but Spark can't read how it stores fractions.
  return `COPY (${typedRows(columns, source, rowColumnsOf(table))}) TO ${textLiteral(path)} (FORMAT parquet,
    COMPRESSION zstd, PARQUET_VERSION v1, ROW_GROUP_SIZE ${groupRowsOf(tally)}, USE_TMP_FILE false,
    KV_METADATA {${metadata.join(', ')}})`
}

/** Groups are counted in rows, but what matters is that one of them is in memory. */
function groupRowsOf({ rows, payloadBytes }: RowTally): number {
  const wanted = Math.round((GROUP_BYTES * rows) / Math.max(payloadBytes, 1))
  return Math.min(Math.max(wanted, FEWEST_GROUP_ROWS), MOST_GROUP_ROWS)
}

async function sync(path: string): Promise<void> {
  const file = await nodeFileLayer.open(path, 'edit')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
