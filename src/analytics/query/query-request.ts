/** What a query is asked with, and what is reported when it is over. */
import * as z from 'zod'
import { MAX_SQL_CHARACTERS } from '../duckdb/sql-text.ts'
import { datastoreRows } from './tables/datastore-rows.ts'

export const RESULT_FORMATS = ['table', 'csv', 'jsonl', 'parquet'] as const
export type ResultFormat = (typeof RESULT_FORMATS)[number]

/** What the worker process is given. */
export const queryRequest = z.strictObject({
  /** One SELECT, in the terms of DuckDB or Athena. */
  sql: z.string().max(MAX_SQL_CHARACTERS, `expected at most ${MAX_SQL_CHARACTERS} characters`),
  /** The data directory, as an absolute path. */
  directory: z.string(),
  /** `quotedCsv` is for datasets. */
  format: z.enum([...RESULT_FORMATS, 'quotedCsv']),
  /** Characters of a line of a table. */
  width: z.number().int().min(1).optional(),
  /** The plan in place of the result. */
  isExplained: z.boolean().default(false),
  dialect: z.enum(['duckdb', 'athena']).default('duckdb'),
  datastoreRows: datastoreRows.optional(),
  /** For DuckDB. The process has a limit of its own above it. */
  memoryBytes: z.number().int().min(1),
  /** Of everything that is kept on disk meanwhile. */
  maxTemporaryBytes: z.number().int().min(1),
  /** A longer result ends there. */
  maxRows: z.number().int().min(1).optional(),
  /** A larger result is an error. */
  maxResultBytes: z.number().int().min(1),
})

export type QueryRequest = z.output<typeof queryRequest>
export type QueryInput = z.input<typeof queryRequest>

const summary = z.strictObject({
  rows: z.number(),
  /** Whether `maxRows` has ended the result. */
  isCut: z.boolean(),
  elapsedMs: z.number(),
  /** Parquet files of the channels that the query names. */
  files: z.number(),
  fileBytes: z.number(),
  /** Rows of these channels that are in no Parquet file yet. */
  tailRows: z.number(),
})

export type QuerySummary = z.output<typeof summary>

export function asQuerySummary(answer: unknown): QuerySummary {
  return summary.parse(answer)
}
