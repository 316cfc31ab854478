/**
 * "One statement, and only a SELECT": what a query may be. DuckDB itself parses the statement; its
 * syntax tree says which tables and which table functions the text names, however they are quoted.
 *
 * Table functions can have effects (`from enable_logging(…)` is a SELECT to DuckDB), run text that
 * nobody has checked (`query`), or read files. So a query may use the ones listed here, and no
 * others.
 */
import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api'
import * as z from 'zod'
import type { ConnectorError } from '../../errors.ts'
import { invalidQuery, queryErrorOf } from './query-error.ts'

const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  'duckdb_columns',
  'duckdb_functions',
  'duckdb_keywords',
  'duckdb_types',
  'generate_series',
  'histogram',
  'histogram_values',
  'icu_calendar_names',
  'json_each',
  'json_tree',
  'pg_timezone_names',
  'range',
  'repeat',
  'repeat_row',
  'sequence',
  'unnest',
])

/** DuckDB's number for the type of a prepared SELECT. */
const SELECT = 1

export interface NamedTable {
  readonly name: string
  /** Empty if the text has none. */
  readonly schema: string
  /** Where in the text, in bytes. */
  readonly position: number | undefined
}

export interface SelectStatement {
  readonly sql: string
  /** As the text names them, without names that the statement itself defines (`with a as …`). */
  readonly tables: readonly NamedTable[]
  /** Whether it asks which tables there are: `show tables`, `information_schema`. */
  readonly listsTables: boolean
}

/** @throws {ConnectorError} InvalidQuery with the place in the text, or with what to do. */
export async function parseSelect(
  connection: DuckDBConnection,
  sql: string,
): Promise<SelectStatement> {
  const tree = await syntaxTree(connection, sql)
  const found = namesIn(tree)
  const refused = found.functions.find((name) => !TABLE_FUNCTIONS.has(name))
  if (refused !== undefined) {
    throw invalidQuery(`The table function ${refused} can’t be used in a query.`)
  }
  const tables = found.tables.filter(
    ({ name, schema }) => schema !== '' || !found.definitions.has(name.toLowerCase()),
  )
  return { sql, tables, listsTables: found.listsTables }
}

/**
 * To be called in a locked instance. The statement may name what only that instance has; preparing
 * it binds all names and has no effect.
 * @throws {ConnectorError} InvalidQuery
 */
export async function prepareSelect(
  connection: DuckDBConnection,
  sql: string,
): Promise<DuckDBPreparedStatement> {
  try {
    const statements = await connection.extractStatements(sql)
    if (statements.count !== 1) throw severalStatements()
    const prepared = await statements.prepare(0)
    if (prepared.statementType !== SELECT) throw noSelect(sql)
    if (prepared.parameterCount > 0) {
      throw invalidQuery('A query has no parameters: write the values in place of $1 and ?.')
    }
    return prepared
  } catch (thrown) {
    throw queryErrorOf(thrown, sql)
  }
}

const serialized = z.looseObject({
  error: z.boolean(),
  error_type: z.string().optional(),
  statements: z.array(z.unknown()).default([]),
})

async function syntaxTree(connection: DuckDBConnection, sql: string): Promise<unknown> {
  const reader = await connection.runAndReadAll('select json_serialize_sql($1::varchar)', [sql])
  const tree = serialized.parse(JSON.parse(String(reader.getRows()[0]?.[0])))
  if (tree.statements.length > 1) throw severalStatements()
  if (!tree.error && tree.statements.length === 1) return tree.statements[0]
  if (!tree.error) throw invalidQuery('Expected a SELECT statement, got an empty text.')
  // Of a syntax error, extracting says where it is.
  if (tree.error_type === 'parser') await prepareSelect(connection, sql)
  throw noSelect(sql)
}

interface Names {
  readonly tables: NamedTable[]
  readonly functions: string[]
  readonly definitions: Set<string>
  listsTables: boolean
}

const SYSTEM_SCHEMAS: ReadonlySet<unknown> = new Set(['information_schema', 'pg_catalog'])

const namedTable = z.looseObject({
  type: z.literal('BASE_TABLE'),
  schema_name: z.string(),
  table_name: z.string(),
  query_location: z.number().optional(),
})
const tableFunction = z.looseObject({
  type: z.literal('TABLE_FUNCTION'),
  function: z.looseObject({ function_name: z.string() }),
})
const listing = z.looseObject({ type: z.literal('SHOW_REF'), show_type: z.string() })
const definitions = z.looseObject({ map: z.array(z.looseObject({ key: z.string() })) })

/** Walks without recursion: a text may be nested deeper than the stack is. */
function namesIn(tree: unknown): Names {
  const names: Names = { tables: [], functions: [], definitions: new Set(), listsTables: false }
  const pending: unknown[] = [tree]
  while (pending.length > 0) {
    const node = pending.pop()
    if (typeof node !== 'object' || node === null) continue
    if ('type' in node) noteNode(node, names)
    if ('cte_map' in node) noteDefinitions(node.cte_map, names)
    for (const child of Object.values(node)) pending.push(child)
  }
  return names
}

function noteNode(node: { readonly type: unknown }, names: Names): void {
  if (node.type === 'BASE_TABLE') {
    const { schema_name, table_name, query_location } = namedTable.parse(node)
    if (SYSTEM_SCHEMAS.has(schema_name)) names.listsTables = true
    else names.tables.push({ name: table_name, schema: schema_name, position: query_location })
  }
  if (node.type === 'TABLE_FUNCTION') {
    const name = tableFunction.parse(node).function.function_name.toLowerCase()
    names.functions.push(name)
    if (name === 'duckdb_columns') names.listsTables = true
  }
  if (node.type === 'SHOW_REF' && listing.parse(node).show_type === 'SHOW_UNQUALIFIED') {
    names.listsTables = true
  }
}

function noteDefinitions(map: unknown, names: Names): void {
  for (const { key } of definitions.parse(map).map) names.definitions.add(key.toLowerCase())
}

function severalStatements(): ConnectorError {
  return invalidQuery(
    'Expected one statement, got several. A PIVOT without a list of values counts as several: ' +
      'write PIVOT … ON column IN (value, …).',
  )
}

function noSelect(sql: string): ConnectorError {
  if (/^\s*explain\b/i.test(sql)) {
    return invalidQuery('EXPLAIN can’t be part of a query: the option --explain shows its plan.')
  }
  if (/\bpivot\b/i.test(sql)) {
    return invalidQuery('A PIVOT needs a list of values: write PIVOT … ON column IN (value, …).')
  }
  return invalidQuery(
    'Only SELECT can be used (also WITH, FROM, VALUES, DESCRIBE, SUMMARIZE and SHOW TABLES): ' +
      'a query changes nothing.',
  )
}
