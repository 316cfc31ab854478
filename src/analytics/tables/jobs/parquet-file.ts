/** Writes one Parquet file of a channel, checks it, and only then gives it its name. */

import { createReadStream } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { DuckDBConnection } from '@duckdb/node-api'
import { nodeFileLayer } from '../../../channels/disk/files/node-file-layer.ts'
import { ConnectorError } from '../../../errors.ts'
import { type Catalogue, type FileFacts, writeCatalogue } from '../catalogue.ts'
import { DRIFT_COLUMN, type FieldColumn } from '../columns.ts'
import {
  dayDirectoryName,
  hiddenFileName,
  type TableFile,
  tableDirectory,
  tableFileName,
  tableFilePath,
} from '../table-file.ts'
import { identifier, text, typedRows } from '../typed-columns.ts'
import { numberIn, rowsOf } from './session.ts'

/** Nobody changes a finished file, and DuckDB cannot overwrite it by accident. */
const FINISHED_MODE = 0o444
const GROUP_BYTES = 8_000_000
const FEWEST_GROUP_ROWS = 2_048
const MOST_GROUP_ROWS = 50_000

export interface ParquetFile {
  readonly directory: string
  readonly channel: string
  readonly connectorId: string
  readonly file: TableFile
  readonly columns: readonly FieldColumn[]
  /** A table, function call or subquery with the columns of every row. */
  readonly source: string
  /** Of one message, on average. */
  readonly payloadBytes: number
}

/** What a range of rows has, or a file. */
export interface RowTally {
  readonly rows: number
  readonly payloadBytes: number
}

/**
 * Writes the hidden file and returns what is in it.
 * @throws {ConnectorError} DataDamaged if what can be read back is not what was written
 */
export async function writeHidden(
  connection: DuckDBConnection,
  parquet: ParquetFile,
): Promise<FileFacts & RowTally> {
  const { directory, channel, file } = parquet
  const day = join(tableDirectory(directory, channel), dayDirectoryName(file.day))
  const path = join(day, hiddenFileName(file))
  await nodeFileLayer.makeDirectory(day)
  await nodeFileLayer.remove(path)
  const [copied] = await rowsOf(connection, copyStatement(parquet, path))
  await sync(path)
  const found = await readBack(connection, path)
  const { rows, first, last } = found
  const isInRange = rows === 0 || (first >= file.first && last < file.end)
  if (rows !== numberIn(copied, 'Count') || !isInRange) {
    await nodeFileLayer.remove(path)
    const text = `expected ${numberIn(copied, 'Count')} rows from offset ${file.first} to ${file.end} in ${path}, read ${rows} from ${first} to ${last + 1}; the file was removed and will be written again`
    throw new ConnectorError('DataDamaged', text)
  }
  return { ...found, ...(await fileSum(path)) }
}

/** Gives the hidden file its name. The catalogue names it first. */
export async function publish(parquet: ParquetFile, catalogue: Catalogue): Promise<void> {
  const { directory, channel, file } = parquet
  const day = join(tableDirectory(directory, channel), dayDirectoryName(file.day))
  const path = join(day, hiddenFileName(file))
  await writeCatalogue(directory, channel, catalogue)
  await chmod(path, FINISHED_MODE)
  await nodeFileLayer.rename(path, join(day, tableFileName(file)))
  await nodeFileLayer.syncDirectory(day)
}

export async function removeHidden({ directory, channel, file }: ParquetFile): Promise<void> {
  const day = join(tableDirectory(directory, channel), dayDirectoryName(file.day))
  await nodeFileLayer.remove(join(day, hiddenFileName(file)))
}

/** The catalogue with a file more. */
export function withFile(catalogue: Catalogue, file: TableFile, facts: FileFacts): Catalogue {
  const { bytes, rows, crc32, drift } = facts
  const files = new Map(catalogue.files)
  files.set(tableFilePath(file), { bytes, rows, crc32, drift })
  return { ...catalogue, files }
}

/** A call of `read_parquet`. */
export function parquetSource(paths: readonly string[]): string {
  const list = paths.map((path) => text(parquetPattern(path))).join(', ')
  return `read_parquet([${list}], hive_partitioning = false)`
}

/** DuckDB takes paths for patterns; this one fits the file alone. */
export function parquetPattern(path: string): string {
  return path.replace(/[*?[]/g, '[$&]')
}

/** Checksum and length of a whole file. */
export async function fileSum(path: string): Promise<Pick<FileFacts, 'bytes' | 'crc32'>> {
  let sum = 0
  let bytes = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    sum = crc32(chunk, sum)
    bytes += chunk.length
  }
  return { bytes, crc32: sum.toString(16).padStart(8, '0') }
}

/** @throws an error of DuckDB if the file is no Parquet */
export async function readBack(connection: DuckDBConnection, path: string) {
  const source = parquetSource([path])
  const [tally] = await rowsOf(
    connection,
    `SELECT count(*) AS rows, min("offset") AS first, max("offset") AS last,
       sum(octet_length(payload)) AS payload_bytes FROM ${source}`,
  )
  const drift = await rowsOf(
    connection,
    `SELECT name, count(*) AS count
     FROM (SELECT unnest(string_split(${DRIFT_COLUMN}, ',')) AS name FROM ${source})
     GROUP BY ALL ORDER BY ALL`,
  )
  return {
    rows: numberIn(tally, 'rows'),
    first: numberIn(tally, 'first'),
    last: numberIn(tally, 'last'),
    payloadBytes: numberIn(tally, 'payload_bytes'),
    drift: Object.fromEntries(drift.map((row) => [String(row['name']), numberIn(row, 'count')])),
  }
}

function copyStatement(parquet: ParquetFile, path: string): string {
  const { connectorId, channel, file, columns, source, payloadBytes } = parquet
  const rows = Math.round(GROUP_BYTES / Math.max(payloadBytes, 1))
  const groupRows = Math.min(Math.max(rows, FEWEST_GROUP_ROWS), MOST_GROUP_ROWS)
  const metadata = Object.entries({
    connector: connectorId,
    channel,
    log_id: file.logId,
    columns: JSON.stringify(columns),
  }).map(([key, value]) => `${identifier(key)}: ${text(value)}`)
  return `COPY (${typedRows(columns, source)}) TO ${text(path)} (FORMAT parquet,
    COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE ${groupRows}, USE_TMP_FILE false,
    KV_METADATA {${metadata.join(', ')}})`
}

async function sync(path: string): Promise<void> {
  const file = await nodeFileLayer.open(path, 'edit')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
