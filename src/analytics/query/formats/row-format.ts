/** The contract of the formats that results are written in, and where to find them. */
import type { DuckDBValue } from '@duckdb/node-api'

export interface ResultColumn {
  readonly name: string
  /** As DuckDB names it: `BIGINT`, `VARCHAR[]`, `JSON`. */
  readonly type: string
}

export type ResultRow = readonly DuckDBValue[]

/** Called in this order: `begin` once, `rows` for each part of the result, `end` once. */
export interface RowFormat {
  begin(columns: readonly ResultColumn[]): string
  rows(rows: readonly ResultRow[]): string
  end(): string
}
