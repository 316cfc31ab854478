/** The columns of a result. A name that comes twice is numbered. */
import type { DuckDBResult } from '@duckdb/node-api'
import type { ResultColumn } from './formats/row-format.ts'

export function columnsOf(result: DuckDBResult): ResultColumn[] {
  return result
    .deduplicatedColumnNames()
    .map((name, index) => ({ name, type: typeOf(result, index) }))
}

/** JSON is text with another name. */
function typeOf(result: DuckDBResult, index: number): string {
  const type = result.columnType(index)
  return type.alias ?? String(type)
}
