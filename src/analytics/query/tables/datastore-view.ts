/** The SQL of a datastore. */
import type { Partition } from '../../datastores/schema/declared-schema.ts'
import { quotedName, textLiteral } from '../../duckdb/sql-text.ts'
import type { FieldColumn } from '../../tables/columns.ts'
import { filesOf, noRows, type SchemaColumn } from './channel-view.ts'
import type { DatastoreRows } from './datastore-rows.ts'

/** The files of one pipeline, or of an import. */
export interface DatastoreSource {
  /** Relative to the data directory. */
  readonly files: readonly string[]
  readonly columns: readonly FieldColumn[]
}

export interface DatastoreContent {
  readonly sources: readonly DatastoreSource[]
  /** Of all sources together. */
  readonly columns: readonly FieldColumn[]
  readonly partitions: readonly Partition[]
  /** Its time expression has been checked. */
  readonly rows: DatastoreRows
}

/** The day of arrival, which is part of a file's path and selects files. */
const DAY: SchemaColumn = { name: '__dt', type: 'DATE' }
const ARRIVAL: SchemaColumn = { name: 'arrival_time', type: 'TIMESTAMP' }
/** No attribute can have a name of two words. */
const HIDDEN_ARRIVAL = quotedName('arrival time')

/** As `describe` lists them. */
export function datastoreColumns(
  columns: readonly FieldColumn[],
  partitions: readonly Partition[],
): SchemaColumn[] {
  return shownColumns(columns, partitions).map(({ name, type }) => ({ name, type }))
}

export function datastoreSelect({ sources, columns, partitions, rows }: DatastoreContent): string {
  const list = shownColumns(columns, partitions).map(
    ({ name, sql }) => `${sql} as ${quotedName(name)}`,
  )
  const parts = sources.filter(({ files }) => files.length > 0)
  const all = [...columns.map(typed), ARRIVAL, DAY]
  const union = [noRows(all), ...parts.map((source) => sourceRows(source, columns))]
  const from = `(${union.join(' union all by name ')})`
  const arrived = conditions(ARRIVAL.name, rows.arrivedFrom, rows.arrivedUntil)
  const inner = `select ${[...list, `arrival_time as ${HIDDEN_ARRIVAL}`].join(', ')} from ${from}${whereOf(arrived)}`
  // The line end closes a comment at the end of the expression.
  const { timeExpression } = rows
  const time = `try_cast((${timeExpression}\n) as timestamp)`
  const timed = timeExpression === undefined ? [] : conditions(time, rows.from, rows.until)
  return `select * exclude (${HIDDEN_ARRIVAL}) from (${inner})${whereOf(timed)}`
}

/** What does not fit the type that all sources have together is null; it is still in the payload. */
function sourceRows({ files, columns }: DatastoreSource, all: readonly FieldColumn[]): string {
  const own = new Set(columns.map(({ name }) => name.toLowerCase()))
  const casts = all
    .filter(({ name }) => own.has(name.toLowerCase()))
    .map((column) => {
      const { name, type } = typed(column)
      return `try_cast(${quotedName(name)} as ${type}) as ${quotedName(name)}`
    })
  const list = [...casts, ARRIVAL.name, DAY.name].join(', ')
  const known = noRows([...columns.map(typed), ARRIVAL, DAY])
  return `select ${list} from (${known} union all by name ${filesOf(files)})`
}

function typed({ name, type, declaredType = type }: FieldColumn): SchemaColumn {
  return { name, type: declaredType }
}

interface ShownColumn extends SchemaColumn {
  readonly sql: string
}

function shownColumns(
  columns: readonly FieldColumn[],
  partitions: readonly Partition[],
): ShownColumn[] {
  const computed = partitions.flatMap((partition) => partitionColumns(partition, columns))
  const attributes = attributesOf(columns, [DAY.name, ...computed.map(({ name }) => name)])
  return [...attributes, { ...DAY, sql: DAY.name }, ...distinct(computed)]
}

/**
 * By the names that messages have for them: what must have another name in files, such as `topic`,
 * has its own here.
 */
function attributesOf(columns: readonly FieldColumn[], computed: readonly string[]): ShownColumn[] {
  const reserved = new Set(computed.map(lower))
  const taken = new Set([...columns.map(({ name }) => name), ...computed].map(lower))
  return columns.map((column) => {
    const { name, path } = column
    const own = path.join('_')
    const isRenamed = name === `payload_${own}` && own !== '__proto__' && !taken.has(lower(own))
    if (isRenamed) taken.add(lower(own))
    const shown = reserved.has(lower(name)) ? `payload_${name}` : name
    const { type } = typed(column)
    return { name: isRenamed ? own : shown, type, sql: quotedName(name) }
  })
}

function partitionColumns(
  { attribute, format, isTime }: Partition,
  columns: readonly FieldColumn[],
): ShownColumn[] {
  const found = columns.find(({ path: [key], path }) => path.length === 1 && key === attribute)
  const value = found === undefined ? 'null' : quotedName(found.name)
  if (!isTime) {
    const sql = `cast(${value} as varchar)`
    return [{ name: `__partition_${attribute}`, type: 'VARCHAR', sql }]
  }
  const micros = `cast(round(try_cast(${value} as double) * 1000000) as bigint)`
  const time =
    format === undefined
      ? `try(make_timestamp(${micros}))`
      : `cast(try_strptime(cast(${value} as varchar), ${textLiteral(format)}) as timestamp)`
  return ['year', 'month', 'day', 'hour'].map((part) => {
    return {
      name: `__${part}`,
      type: 'INTEGER',
      sql: `cast(date_part('${part}', ${time}) as integer)`,
    }
  })
}

/** An attribute may be named by two partitions. */
function distinct(columns: readonly ShownColumn[]): ShownColumn[] {
  return [...new Map(columns.map((column) => [lower(column.name), column])).values()]
}

function conditions(time: string, from: number | undefined, until: number | undefined): string[] {
  return [
    ...(from === undefined ? [] : [`${time} >= make_timestamp(${from * 1000})`]),
    ...(until === undefined ? [] : [`${time} < make_timestamp(${until * 1000})`]),
  ]
}

function whereOf(list: readonly string[]): string {
  return list.length === 0 ? '' : ` where ${list.join(' and ')}`
}

function lower(name: string): string {
  return name.toLowerCase()
}
