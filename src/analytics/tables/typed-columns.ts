/**
 * SQL that adds typed columns to rows. Files and rows that are in no file yet pass the same SQL, so a
 * query gets the same values from both.
 *
 * DuckDB's own reading of JSON is lenient: it takes "12.5" and true for numbers and makes 2 of 1.7.
 * So fields are read as JSON text, and the text decides: a number begins with a digit or a minus, and
 * everything else is no number. A value that does not fit is NULL, and `drift` names its column.
 */
import { quotedName, textLiteral } from '../duckdb/sql-text.ts'
import { ROW_COLUMNS } from '../rows/row-columns.ts'
import { DRIFT_COLUMN, type FieldColumn } from './columns.ts'

/** In the characters' order: all that a JSON number can begin with lies between these two. */
const NUMBER_FROM = "'-'"
const NUMBER_BEFORE = "':'"
const INTEGERS_BELOW = 2 ** 53
const DECLARED_INTEGER = /^(TINYINT|SMALLINT|INTEGER|BIGINT)$/
const DECLARED_NUMBER = /^(FLOAT|DOUBLE|DECIMAL\(.*)$/
const DECLARED_TEXT = /^(VARCHAR|DATE|TIMESTAMP|BLOB)$/

/** A field, as the inner query reads it. */
interface Cell {
  readonly column: FieldColumn
  /** Its place in the structure that is read from JSON; positions need no quoting. */
  readonly raw: string
  /** The name of the typed value. */
  readonly typed: string
}

/**
 * A SELECT of all columns: those of every row, `drift`, and the fields.
 * @param source a table, function call or subquery with `rowColumns`
 */
export function typedRows(
  columns: readonly FieldColumn[],
  source: string,
  rowColumns: readonly { readonly name: string }[] = ROW_COLUMNS,
): string {
  const rows = rowColumns.map(({ name }) => quotedName(name)).join(', ')
  if (columns.length === 0) {
    return `SELECT ${rows}, CAST(NULL AS VARCHAR) AS ${DRIFT_COLUMN} FROM ${source}`
  }
  const cells = cellsOf(columns)
  const typed = cells.map((cell) => `${typedValue(cell)} AS ${cell.typed}`)
  const misfits = cells.filter(({ column }) => canMisfit(column)).map(misfit)
  const drift = misfits.length === 0 ? 'NULL' : `nullif(concat_ws(',', ${misfits.join(', ')}), '')`
  const named = cells.map(({ column, typed }) => `${typed} AS ${quotedName(column.name)}`)
  const json = 'TRY_CAST(TRY(decode(payload)) AS JSON)'
  const structures = structuresOf(columns).map(
    (part, index) =>
      `json_transform(${json}, ${textLiteral(structureOf(part))}) AS ${fieldsName(index)}`,
  )
  return `SELECT ${rows}, CAST(${drift} AS VARCHAR) AS ${DRIFT_COLUMN}, ${named.join(', ')}
FROM (SELECT *, ${typed.join(', ')}
FROM (SELECT ${rows}, ${structures.join(', ')}
FROM ${source}))`
}

/**
 * To DuckDB, members of a structure that differ only in case are one, but to JSON they are two: they
 * are read with structures of their own. Nearly always there is one structure.
 */
function structuresOf(columns: readonly FieldColumn[]): FieldColumn[][] {
  const structures: FieldColumn[][] = []
  for (const column of columns) {
    const fitting = structures.find((part) => !part.some((other) => clash(column, other)))
    if (fitting === undefined) structures.push([column])
    else fitting.push(column)
  }
  return structures
}

function clash({ path: [key = '', member = ''] }: FieldColumn, { path }: FieldColumn): boolean {
  const [otherKey = '', otherMember = ''] = path
  if (key !== otherKey) return key.toLowerCase() === otherKey.toLowerCase()
  return member.toLowerCase() === otherMember.toLowerCase()
}

function fieldsName(structure: number): string {
  return `fields_${structure}`
}

/** `{"temp":"JSON","phase":{"l1":"JSON"}}`: the keys in the order of their first columns. */
function structureOf(columns: readonly FieldColumn[]): string {
  const members = [...groupsOf(columns)].map(([key, group]) => {
    const inner = group.map((column) => [column.path[1], jsonType(column)] as const)
    const [[name, leaf] = []] = inner
    if (name === undefined) return `${JSON.stringify(key)}:${JSON.stringify(leaf)}`
    const fields = inner.map(([name = '', leaf]) => `${JSON.stringify(name)}:"${leaf}"`)
    return `${JSON.stringify(key)}:{${fields.join(',')}}`
  })
  return `{${members.join(',')}}`
}

function cellsOf(columns: readonly FieldColumn[]): Cell[] {
  const cells: Cell[] = []
  for (const [structure, part] of structuresOf(columns).entries()) {
    let outer = 0
    for (const group of groupsOf(part).values()) {
      outer++
      const whole = `struct_extract_at(${fieldsName(structure)}, ${outer})`
      for (const [index, column] of group.entries()) {
        const isInner = column.path.length > 1
        const raw = isInner ? `struct_extract_at(${whole}, ${index + 1})` : whole
        cells.push({ column, raw, typed: `typed_${cells.length}` })
      }
    }
  }
  return cells
}

/** By the first key. */
function groupsOf(columns: readonly FieldColumn[]): Map<string, FieldColumn[]> {
  const groups = new Map<string, FieldColumn[]>()
  for (const column of columns) {
    const key = column.path[0] ?? ''
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [column])
    else group.push(column)
  }
  return groups
}

/** A string is unquoted; everything else is wanted as it is written. */
function jsonType({ type, declaredType }: FieldColumn): string {
  if (declaredType !== undefined) return DECLARED_TEXT.test(declaredType) ? 'VARCHAR' : 'JSON'
  return type === 'VARCHAR' ? 'VARCHAR' : 'JSON'
}

function typedValue({ column, raw }: Cell): string {
  const json = `CAST(${raw} AS VARCHAR)`
  const number = `CASE WHEN ${json} >= ${NUMBER_FROM} AND ${json} < ${NUMBER_BEFORE} THEN TRY_CAST(${json} AS DOUBLE) END`
  if (column.declaredType !== undefined) return declaredValue(column.declaredType, raw)
  switch (column.type) {
    case 'VARCHAR':
      return raw
    case 'BOOLEAN':
      return `CASE ${json} WHEN 'true' THEN true WHEN 'false' THEN false END`
    case 'DOUBLE':
      // 1e400 is infinite.
      return `CASE WHEN isfinite(${number}) THEN ${number} END`
    case 'BIGINT':
      return `CASE WHEN ${number} = floor(${number}) AND abs(${number}) < ${INTEGERS_BELOW} THEN CAST(${number} AS BIGINT) END`
  }
}

/** A text column takes everything. */
function canMisfit({ type, declaredType }: FieldColumn): boolean {
  return (declaredType ?? type) !== 'VARCHAR'
}

/** Arrays, maps and structures take what fits of their members, as DuckDB reads JSON. */
function declaredValue(type: string, raw: string): string {
  const json = `CAST(${raw} AS VARCHAR)`
  const isNumber = `${json} >= ${NUMBER_FROM} AND ${json} < ${NUMBER_BEFORE}`
  if (type === 'VARCHAR') return raw
  if (type === 'BLOB') return `encode(${raw})`
  if (type === 'BOOLEAN') {
    return `CASE ${json} WHEN 'true' THEN true WHEN 'false' THEN false END`
  }
  if (DECLARED_INTEGER.test(type)) {
    // Whole numbers beyond 2^53 keep their digits; 2.0 and 1e3 are whole as well.
    const whole = `TRY_CAST(${json} AS DOUBLE)`
    return `CASE WHEN ${isNumber} THEN CASE WHEN regexp_full_match(${json}, '-?[0-9]+') THEN TRY_CAST(${json} AS ${type}) WHEN ${whole} = floor(${whole}) THEN TRY_CAST(${whole} AS ${type}) END END`
  }
  if (DECLARED_NUMBER.test(type)) {
    const value = `TRY_CAST(${json} AS ${type})`
    const isBounded = type.startsWith('DECIMAL') ? 'true' : `isfinite(${value})`
    return `CASE WHEN ${isNumber} AND ${isBounded} THEN ${value} END`
  }
  const value = `TRY_CAST(${raw} AS ${type})`
  const nested = type.endsWith('[]') ? 'ARRAY' : 'OBJECT'
  // DuckDB makes a structure without values of everything else.
  return DECLARED_TEXT.test(type)
    ? value
    : `CASE WHEN json_type(${raw}) = '${nested}' THEN ${value} END`
}

function misfit({ column, raw, typed }: Cell): string {
  return `CASE WHEN ${raw} IS NOT NULL AND ${typed} IS NULL THEN ${textLiteral(column.name)} END`
}
