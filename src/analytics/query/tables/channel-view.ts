/**
 * A channel as a view: its Parquet files, and the rows that are in none yet, with the same columns.
 *
 * The first part of the union has no rows. It names every column of the schema with its type, so
 * that a column exists although no file has it, and a file with a narrower type is read with the
 * wider one.
 */
import { quotedName, textLiteral } from '../../duckdb/sql-text.ts'
import { ROW_COLUMNS } from '../../rows/row-columns.ts'
import { DRIFT_COLUMN, type FieldColumn } from '../../tables/columns.ts'

export interface SchemaColumn {
  readonly name: string
  /** As DuckDB names it. */
  readonly type: string
}

export interface OffsetRange {
  readonly from: number
  /** Not included. */
  readonly to: number
}

export interface ChannelContent {
  /** Relative to the data directory. */
  readonly files: readonly string[]
  /** A SELECT with the columns but the day for each range of rows that is in no file. */
  readonly tail: readonly string[]
  readonly fields: readonly FieldColumn[]
}

/** The day of arrival, which is part of a file's path and selects files. */
const DAY = { name: '__dt', type: 'DATE' }

/** As `describe` lists them. */
export function channelColumns(fields: readonly FieldColumn[]): SchemaColumn[] {
  const named = fields.map(({ name, type }) => ({ name, type }))
  return [...ROW_COLUMNS, { name: DRIFT_COLUMN, type: 'VARCHAR' }, ...named, DAY]
}

export function channelSelect({ files, tail, fields }: ChannelContent): string {
  const all = channelColumns(fields)
  const parts = [
    noRows(all),
    ...(files.length === 0 ? [] : [filesOf(files)]),
    ...tail.map((typedRows) => rowsOf(typedRows)),
  ]
  return `select ${all.map(asTyped).join(', ')} from (${parts.join(' union all by name ')})`
}

/** A SELECT of these columns without rows. */
export function noRows(columns: readonly SchemaColumn[]): string {
  const list = columns.map(({ name, type }) => `null::${type} as ${quotedName(name)}`)
  return `select ${list.join(', ')} where false`
}

/** A SELECT of all rows of the files, with the day of their path. */
export function filesOf(files: readonly string[]): string {
  const list = files.map(textLiteral).join(', ')
  return (
    `select * from read_parquet([${list}], union_by_name = true, ` +
    `hive_partitioning = true, hive_types = {'${DAY.name}': ${DAY.type}}, hive_types_autocast = false)`
  )
}

function rowsOf(typedRows: string): string {
  return `select *, cast(arrival_time as date) as ${DAY.name} from (${typedRows})`
}

/** What does not fit the type is null; it is still in the payload. */
function asTyped({ name, type }: SchemaColumn): string {
  return `try_cast(${quotedName(name)} as ${type}) as ${quotedName(name)}`
}

/** The parts of `range` that no file covers. */
export function uncovered(range: OffsetRange, files: readonly OffsetRange[]): OffsetRange[] {
  const gaps: OffsetRange[] = []
  let from = range.from
  for (const file of [...files].sort((a, b) => a.from - b.from)) {
    if (from >= range.to) break
    if (file.from > from) gaps.push({ from, to: Math.min(file.from, range.to) })
    from = Math.max(from, file.to)
  }
  if (from < range.to) gaps.push({ from, to: range.to })
  return gaps
}
