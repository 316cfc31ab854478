/** A table of a query, as it is at one moment. */
import { quotedName } from '../../duckdb/sql-text.ts'

/** Names that say which of two tables is meant: `channels.plant`, `datastores.plant`. */
export const SCHEMAS = ['channels', 'datastores'] as const
export type SchemaName = (typeof SCHEMAS)[number]

export interface TableSnapshot {
  readonly name: string
  readonly schema: SchemaName
  /** Relative to the data directory. */
  readonly files: readonly string[]
  readonly fileBytes: number
  /** Rows that are in no file. */
  readonly tailRows: number
  /** A SELECT of all rows. */
  readonly select: string
}

/** A table by the names that a statement uses for it. */
export interface NamedSnapshot {
  readonly snapshot: TableSnapshot
  /** Whether its name alone is used. */
  readonly isPlain: boolean
  /** Whether the schema is written before it. */
  readonly isQualified: boolean
}

/** Statements that make views of it. */
export function viewsOf({ snapshot, isPlain, isQualified }: NamedSnapshot): string[] {
  const { schema, select } = snapshot
  const name = quotedName(snapshot.name)
  const plain = isPlain ? [`create view main.${name} as ${select}`] : []
  if (!isQualified) return plain
  return [
    ...plain,
    `create schema if not exists ${schema}`,
    `create view ${schema}.${name} as ${select}`,
  ]
}
