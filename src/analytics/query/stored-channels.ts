/**
 * The channels that a statement names, as they are now: their Parquet files, and the rows that are in
 * none of them. A message that was acknowledged before is in exactly one of the two.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBBlobValue, type DuckDBConnection } from '@duckdb/node-api'
import { closest, distance } from 'fastest-levenshtein'
import { isChannelName } from '../../channel-name.ts'
import { systemCodeOf } from '../../errors.ts'
import { quoted } from '../../shown-text.ts'
import { invalidQuery } from '../duckdb/query-error.ts'
import type { NamedTable, SelectStatement } from '../duckdb/select-statement.ts'
import { textLiteral } from '../duckdb/sql-text.ts'
import { ROW_COLUMNS } from '../rows/row-columns.ts'
import { registerStoredRows, STORED_ROWS } from '../rows/row-scan.ts'
import { StoredDirectory } from '../rows/stored-range.ts'
import { readCatalogue } from '../tables/catalogue.ts'
import {
  DRIFT_COLUMN,
  type FieldColumn,
  mergeColumns,
  type SampledField,
} from '../tables/columns.ts'
import { FieldSampling, SAMPLED_PLACES, SAMPLED_ROWS } from '../tables/field-sampling.ts'
import { coverageOf, listTable } from '../tables/table-listing.ts'
import { channelTable, TABLES_NAME } from '../tables/table-location.ts'
import { typedRows } from '../tables/typed-columns.ts'
import { type ChannelSnapshot, type OffsetRange, uncovered } from './channel-view.ts'

/** More channels than this are not listed by `show tables`. */
const MAX_LISTED = 1_000
/** Samples are in memory together. */
const LARGEST_SAMPLE_BYTES = 64 * 1024

export class StoredChannels {
  readonly #connection: DuckDBConnection
  readonly #directory: string
  #close: (() => void) | undefined

  /** @param connection before its instance is locked */
  constructor(connection: DuckDBConnection, directory: string) {
    this.#connection = connection
    this.#directory = directory
  }

  /** @throws {ConnectorError} InvalidQuery for a table that is no channel */
  async snapshotsFor(statement: SelectStatement): Promise<ChannelSnapshot[]> {
    this.#close = await registerStoredRows(this.#connection, this.#directory)
    const stored = await StoredDirectory.open(this.#directory)
    const names = await this.#names(stored)
    const channels = new Set<string>()
    for (const table of statement.tables) {
      const channel = channelNamed(table.name, names)
      if (channel !== undefined) channels.add(channel)
      else if (!(await this.#isBuiltIn(table.name))) throw unknownTable(table, names, statement)
    }
    if (statement.listsTables) for (const name of names.slice(0, MAX_LISTED)) channels.add(name)
    const snapshots: ChannelSnapshot[] = []
    for (const channel of channels) snapshots.push(await this.#snapshot(stored, channel))
    return snapshots
  }

  close(): void {
    this.#close?.()
  }

  async #names({ channels }: StoredDirectory): Promise<string[]> {
    const tables = await namesIn(join(this.#directory, TABLES_NAME))
    return [...new Set([...channels, ...tables.filter((name) => isChannelName(name))])].sort()
  }

  /** Whether DuckDB has a view of this name, such as `duckdb_columns`. */
  async #isBuiltIn(name: string): Promise<boolean> {
    const sql = 'select 1 from duckdb_views() where view_name = lower($1::varchar)'
    const reader = await this.#connection.runAndReadAll(sql, [name])
    return reader.currentRowCount > 0
  }

  async #snapshot(stored: StoredDirectory, channel: string): Promise<ChannelSnapshot> {
    // Rows below the end of the files are in the files, or gone.
    const table = channelTable(channel)
    const before = await listTable(this.#directory, table)
    const rows = await stored.rowsOf(channel, (logId) => coverageOf(before.files, logId).end)
    // A row that is converted meanwhile is in both lists, and the files win.
    const listing = await listTable(this.#directory, table)
    const catalogue = await readCatalogue(this.#directory, table)
    const { columns: known, keptFrom = '' } =
      catalogue === undefined || catalogue === 'damaged' ? { columns: [] } : catalogue
    const files = listing.files.filter(({ day }) => day >= keptFrom)
    const covered = files
      .filter(({ logId }) => logId === rows?.logId)
      .map(({ first, end }) => ({ from: first, to: end }))
    const tail = rows === undefined ? [] : uncovered({ from: rows.first, to: rows.end }, covered)
    const fields = mergeColumns(known, await this.#sampledFields(channel, tail))
    return {
      channel,
      files: files.map(({ path }) => join(table, path)),
      fileBytes: files.reduce((total, { bytes }) => total + bytes, 0),
      tail: tail.map((range) => ({
        ...range,
        typedRows: tailRows(channel, range, fields, keptFrom),
      })),
      columns: [...ROW_COLUMNS, { name: DRIFT_COLUMN, type: 'VARCHAR' }, ...fields],
    }
  }

  /** The fields of payloads from places that are spread over the ranges. */
  async #sampledFields(channel: string, ranges: readonly OffsetRange[]): Promise<SampledField[]> {
    const sampling = new FieldSampling()
    for (const range of sampledPlaces(ranges)) {
      const sql =
        `select payload from ${storedRowsCall(channel, range)} ` +
        `where octet_length(payload) <= ${LARGEST_SAMPLE_BYTES}`
      const reader = await this.#connection.runAndReadAll(sql)
      for (const [payload] of reader.getRows()) {
        if (payload instanceof DuckDBBlobValue) sampling.add(payload.bytes)
      }
    }
    return sampling.fields()
  }
}

function tailRows(
  channel: string,
  range: OffsetRange,
  fields: readonly FieldColumn[],
  keptFrom: string,
): string {
  const rows = typedRows(fields, storedRowsCall(channel, range))
  return keptFrom === '' ? rows : `${rows} where arrival_time >= date ${textLiteral(keptFrom)}`
}

function storedRowsCall(channel: string, { from, to }: OffsetRange): string {
  return `${STORED_ROWS}(${textLiteral(channel)}, ${from}, ${to})`
}

/** All rows of few; otherwise as many rows from each of some places. */
function sampledPlaces(ranges: readonly OffsetRange[]): OffsetRange[] {
  const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
  if (total <= SAMPLED_ROWS) return [...ranges]
  const rows = SAMPLED_ROWS / SAMPLED_PLACES
  const step = total / SAMPLED_PLACES
  const places: OffsetRange[] = []
  for (let place = 0; place < SAMPLED_PLACES; place++) {
    const from = offsetAt(ranges, Math.floor(place * step))
    places.push({ from, to: from + rows })
  }
  return places
}

/** The offset of the row that has `index` rows of the ranges before it. */
function offsetAt(ranges: readonly OffsetRange[], index: number): number {
  let left = index
  for (const { from, to } of ranges) {
    if (left < to - from) return from + left
    left -= to - from
  }
  return ranges.at(-1)?.to ?? 0
}

/** The channel of exactly this name, or the only one that differs only in case, as SQL has it. */
function channelNamed(name: string, names: readonly string[]): string | undefined {
  if (names.includes(name)) return name
  const alike = names.filter((other) => other.toLowerCase() === name.toLowerCase())
  return alike.length === 1 ? alike[0] : undefined
}

function unknownTable(
  { name, position }: NamedTable,
  names: readonly string[],
  { sql }: SelectStatement,
) {
  const near = names.length === 0 ? undefined : closest(name, names)
  const isNear = near !== undefined && distance(name, near) <= Math.max(2, name.length / 3)
  const hint = isNear ? `Did you mean ${quoted(near)}?` : 'SHOW TABLES lists the channels.'
  return invalidQuery(`There is no channel ${quoted(name)}. ${hint}`, { sql, position })
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return []
    throw thrown
  }
}
