/**
 * The job `convert`: rows of one channel become Parquet files, one for each day. It only reads the
 * channel's log. A job that is killed leaves at most a hidden file and whole files of the first days;
 * the next one begins behind those.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import type { OffsetRange } from '../../../channels/log/channel-log.ts'
import { textLiteral } from '../../duckdb/sql-text.ts'
import { STORED_ROWS } from '../../rows/row-scan.ts'
import { type Catalogue, type FileFacts, keepFacts } from '../catalogue.ts'
import { type FieldColumn, mergeColumns } from '../columns.ts'
import { FieldSampling, SAMPLED_PLACES, SAMPLED_ROWS } from '../field-sampling.ts'
import { dayOf, type TableFile } from '../table-file.ts'
import { listTable } from '../table-listing.ts'
import { channelTable } from '../table-location.ts'
import { type DayRange, dayRanges } from './day-ranges.ts'
import { type ParquetFile, publish, withFile, writeHidden } from './parquet-file.ts'
import { openCatalogue } from './rebuild.ts'
import { numberIn, rowsOf } from './session.ts'

/** What one job takes: one that is killed has not lost much. */
const MOST_PAYLOAD_BYTES = 256_000_000
/** DuckDB has 2,048 rows in memory at once, several times. If they are large, a job takes no more. */
const LARGE_ROW_BYTES = 16_000
const MOST_LARGE_BYTES = 32_000_000
const FEWEST_ROWS = 100
/** A larger payload is not looked into: samples are in memory together. */
const LARGEST_SAMPLE_BYTES = 64 * 1024

export interface Conversion extends OffsetRange {
  /** The data directory. */
  readonly directory: string
  readonly channel: string
  readonly connectorId: string
  readonly logId: string
}

export interface ConversionResult {
  /** Rows below are in the files: large ones are not all taken at once. */
  readonly to: number
  readonly rows: number
  readonly files: number
  readonly bytes: number
  /** Of all the rows, before compression. */
  readonly payloadBytes: number
  /** Values that are NULL in their column, in all of the files. */
  readonly drifted: number
}

/**
 * @param connection has the table function `stored_rows`
 * @throws {ConnectorError} DataDamaged if a file can't be read back as it was written
 */
export async function convert(
  connection: DuckDBConnection,
  conversion: Conversion,
): Promise<ConversionResult> {
  const { directory } = conversion
  const table = channelTable(conversion.channel)
  const known = await openCatalogue(connection, directory, table)
  const { files } = await listTable(directory, table)
  const isThere = new Set(files.map(({ path }) => path))
  const sample = await sampleOf(connection, conversion)
  const to = Math.min(conversion.to, conversion.from + rowsToTake(sample.payloadBytes))
  const taken = { ...conversion, to }
  let catalogue: Catalogue = {
    ...known,
    columns: mergeColumns(known.columns, sample.fields),
    files: keepFacts(known.files, (path) => isThere.has(path)),
  }
  const result = { to, rows: 0, files: 0, bytes: 0, payloadBytes: 0, drifted: 0 }
  for (const range of await rangesOf(connection, taken, sample.days)) {
    const parquet = parquetOf(taken, range, catalogue.columns)
    const facts = await writeHidden(connection, parquet)
    if (facts === undefined) continue
    catalogue = withFile(catalogue, parquet.file, facts)
    await publish(parquet, catalogue)
    result.rows += facts.rows
    result.files++
    result.bytes += facts.bytes
    result.payloadBytes += facts.payloadBytes
    result.drifted += driftedIn(facts)
  }
  return result
}

/** @param rowBytes of payload, for each row on average */
function rowsToTake(rowBytes: number): number {
  const mostBytes = rowBytes > LARGE_ROW_BYTES ? MOST_LARGE_BYTES : MOST_PAYLOAD_BYTES
  return Math.max(FEWEST_ROWS, Math.floor(mostBytes / Math.max(rowBytes, 1)))
}

function parquetOf(
  conversion: Conversion,
  { day, from, to }: DayRange,
  columns: readonly FieldColumn[],
): ParquetFile {
  const { directory, channel, connectorId, logId } = conversion
  const file: TableFile = { day, logId, first: from, end: to }
  const source = rowsIn(channel, from, to)
  return { directory, table: channelTable(channel), connectorId, file, columns, source }
}

function rowsIn(channel: string, from: number, to: number): string {
  return `${STORED_ROWS}(${textLiteral(channel)}, ${from}, ${to})`
}

/** Looks at rows in places that are spread over the range, among them its first and its last. */
async function sampleOf(connection: DuckDBConnection, { channel, from, to }: Conversion) {
  const rows = SAMPLED_ROWS / SAMPLED_PLACES
  const places = placesOf(from, to, rows).map((place) => {
    return `SELECT * FROM ${rowsIn(channel, place, Math.min(place + rows, to))}`
  })
  const result = await connection.stream(
    `SELECT epoch_ms(arrival_time) AS time, octet_length(payload) AS bytes,
       CASE WHEN octet_length(payload) <= ${LARGEST_SAMPLE_BYTES} THEN payload END AS payload
     FROM (${places.join(' UNION ALL ')})`,
  )
  const sampling = new FieldSampling()
  const days = new Set<string>()
  let bytes = 0
  let count = 0
  for await (const chunk of result.yieldRowObjectJs()) {
    for (const row of chunk) {
      const { payload } = row
      if (payload instanceof Uint8Array) sampling.add(payload)
      days.add(dayOf(numberIn(row, 'time')))
      bytes += numberIn(row, 'bytes')
      count++
    }
  }
  return { fields: sampling.fields(), days, payloadBytes: bytes / Math.max(count, 1) }
}

/** Evenly spread; the last one ends with the range. */
function placesOf(from: number, to: number, rows: number): number[] {
  const last = Math.max(from, to - rows)
  const places = Math.min(SAMPLED_PLACES, Math.ceil((to - from) / rows))
  if (places < 2) return [from]
  if (places < SAMPLED_PLACES) return Array.from({ length: places }, (_, at) => from + at * rows)
  const step = (last - from) / (places - 1)
  return Array.from({ length: places }, (_, at) => Math.floor(from + at * step))
}

/** If all samples are of one day, so is the range: arrival times hardly ever go back. */
async function rangesOf(
  connection: DuckDBConnection,
  { channel, from, to }: Conversion,
  sampled: ReadonlySet<string>,
): Promise<DayRange[]> {
  const [day] = sampled
  if (day !== undefined && sampled.size === 1) return [{ day, from, to }]
  const days = await rowsOf(
    connection,
    `SELECT strftime(arrival_time, '%Y-%m-%d') AS day, min("offset") AS first, max("offset") AS last
     FROM ${rowsIn(channel, from, to)} GROUP BY ALL`,
  )
  const found = days.map((row) => ({
    day: String(row['day']),
    from: numberIn(row, 'first'),
    to: numberIn(row, 'last') + 1,
  }))
  return dayRanges({ from, to }, found)
}

export function driftedIn({ drift }: FileFacts): number {
  return Object.values(drift).reduce((sum, values) => sum + values, 0)
}
