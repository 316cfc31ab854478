/**
 * The channels that a statement names, as they are now: their Parquet files, and the rows that are in
 * none of them. A message that was acknowledged before is in exactly one of the two.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isChannelName } from '../../../channel-name.ts'
import { systemCodeOf } from '../../../errors.ts'
import { textLiteral } from '../../duckdb/sql-text.ts'
import { storedMessages } from '../../rows/row-samples.ts'
import { STORED_ROWS } from '../../rows/row-scan.ts'
import { StoredDirectory } from '../../rows/stored-range.ts'
import { readCatalogue } from '../../tables/catalogue.ts'
import { type FieldColumn, mergeColumns, type SampledField } from '../../tables/columns.ts'
import { FieldSampling, SAMPLED_ROWS } from '../../tables/field-sampling.ts'
import { coverageOf, listTable } from '../../tables/table-listing.ts'
import { channelTable, TABLES_NAME } from '../../tables/table-location.ts'
import { typedRows } from '../../tables/typed-columns.ts'
import { channelSelect, type OffsetRange, uncovered } from './channel-view.ts'
import type { TableSnapshot } from './table-snapshot.ts'

/** A larger payload is not looked into. */
const LARGEST_SAMPLE_BYTES = 64 * 1024
/** Each costs a query as much as reading some thousand rows. */
const SAMPLED_PLACES = 8

export class StoredChannels {
  /** In the order of the alphabet. */
  readonly names: readonly string[]
  readonly #directory: string
  readonly #stored: StoredDirectory

  private constructor(directory: string, stored: StoredDirectory, names: readonly string[]) {
    this.names = names
    this.#directory = directory
    this.#stored = stored
  }

  /** @throws a system error when files can't be read */
  static async open(directory: string): Promise<StoredChannels> {
    const stored = await StoredDirectory.open(directory)
    const tables = await namesIn(join(directory, TABLES_NAME))
    const all = [...stored.channels, ...tables.filter((name) => isChannelName(name))]
    return new StoredChannels(directory, stored, [...new Set(all)].sort())
  }

  /** Its SELECT needs the table function `stored_rows`. */
  async snapshot(channel: string): Promise<TableSnapshot> {
    const stored = this.#stored
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
    const paths = files.map(({ path }) => join(table, path))
    return {
      name: channel,
      schema: 'channels',
      files: paths,
      fileBytes: files.reduce((total, { bytes }) => total + bytes, 0),
      tailRows: tail.reduce((total, { from, to }) => total + to - from, 0),
      select: channelSelect({
        files: paths,
        tail: tail.map((range) => tailRows(channel, range, fields, keptFrom)),
        fields,
      }),
    }
  }

  /** The fields of payloads from places that are spread over the ranges. */
  async #sampledFields(channel: string, ranges: readonly OffsetRange[]): Promise<SampledField[]> {
    const sampling = new FieldSampling()
    for await (const { payload } of storedMessages(
      this.#directory,
      channel,
      sampledPlaces(ranges),
    )) {
      if (payload.length <= LARGEST_SAMPLE_BYTES) sampling.add(payload)
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

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return []
    throw thrown
  }
}
