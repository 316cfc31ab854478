/**
 * The columns of a channel that come from the fields of its JSON payloads. A channel has one list
 * of them; its files have as much of it as was known when they were written. A column never goes
 * away and its type only gets wider, so that all files of a channel can be read together.
 */
import { ROW_COLUMNS } from '../rows/row-columns.ts'

/**
 * Integers up to 2^53 are `BIGINT`. `VARCHAR` takes everything: a string as it is, everything else
 * as its JSON text.
 */
export type ColumnType = 'BOOLEAN' | 'BIGINT' | 'DOUBLE' | 'VARCHAR'

export const COLUMN_TYPES: readonly ColumnType[] = ['BOOLEAN', 'BIGINT', 'DOUBLE', 'VARCHAR']

export interface FieldColumn {
  /** No two names differ only in case: for SQL they are one. */
  readonly name: string
  /** The keys that lead to the field: one or two. */
  readonly path: readonly string[]
  readonly type: ColumnType
  /** As a Parquet datastore declares it, in the terms of DuckDB; it counts in place of `type`. */
  readonly declaredType?: string | undefined
}

/** A field as the messages have it. */
export type SampledField = Omit<FieldColumn, 'name'>

/**
 * Beside the columns of every row: the names of the columns that are NULL although the message has a
 * value, because the value is of another type; with commas between them. NULL if all values fit.
 */
export const DRIFT_COLUMN = 'drift'

const MAX_COLUMNS = 100
const MAX_NAME_LENGTH = 128
/**
 * Names that no field can have: the columns of every row, the partition, and the one name that is
 * no key in an object of JavaScript.
 */
const RESERVED = new Set<string>([
  ...ROW_COLUMNS.map(({ name }) => name),
  DRIFT_COLUMN,
  '__dt',
  '__proto__',
])

/** Columns of these types, which no message changes. */
export function declaredColumns(
  declared: readonly { readonly name: string; readonly type: string }[],
): FieldColumn[] {
  const fields = declared.map(({ name }) => ({ path: [name], type: 'VARCHAR' as const }))
  return mergeColumns([], fields).map((column, at) => {
    return { ...column, declaredType: declared[at]?.type }
  })
}

/** The known columns, wider where necessary, and behind them the fields that are new. */
export function mergeColumns(
  known: readonly FieldColumn[],
  fields: readonly SampledField[],
): FieldColumn[] {
  const typeOf = new Map(fields.map(({ path, type }) => [keyOf(path), type]))
  const merged = known.map((column) => ({
    ...column,
    type: widerType(column.type, typeOf.get(keyOf(column.path)) ?? column.type),
  }))
  const names = new Set(known.map(({ name }) => name.toLowerCase()))
  const paths = known.map(({ path }) => path)
  for (const { path, type } of fields) {
    if (merged.length >= MAX_COLUMNS) break
    if (paths.some((other) => isWithin(path, other) || isWithin(other, path))) continue
    const name = freeName(path, names)
    names.add(name.toLowerCase())
    paths.push(path)
    merged.push({ name, path, type })
  }
  return merged
}

/** Once DOUBLE, always DOUBLE; types that have nothing in common are text. */
export function widerType(one: ColumnType, other: ColumnType): ColumnType {
  if (one === other) return one
  const isNumeric = [one, other].every((type) => type === 'BIGINT' || type === 'DOUBLE')
  return isNumeric ? 'DOUBLE' : 'VARCHAR'
}

/** An object is one column as a whole, or its members have columns: not both. */
function isWithin(path: readonly string[], other: readonly string[]): boolean {
  return path.length <= other.length && path.every((key, at) => key === other[at])
}

function freeName(path: readonly string[], taken: ReadonlySet<string>): string {
  const plain = path.join('_').replace(/[^\p{L}\p{N}_]/gu, '_')
  const whole = plain === '' ? '_' : plain
  const name = (RESERVED.has(whole.toLowerCase()) ? `payload_${whole}` : whole).slice(
    0,
    MAX_NAME_LENGTH,
  )
  let free = name
  for (let number = 2; taken.has(free.toLowerCase()); number++) free = `${name}_${number}`
  return free
}

function keyOf(path: readonly string[]): string {
  return JSON.stringify(path)
}
