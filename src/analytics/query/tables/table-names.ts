/** Which channel or datastore a name in a statement means. */
import { closest, distance } from 'fastest-levenshtein'
import type { ConnectorError } from '../../../errors.ts'
import { quoted } from '../../../shown-text.ts'
import type { Dialect } from '../../duckdb/instance.ts'
import { invalidQuery } from '../../duckdb/query-error.ts'
import type { NamedTable } from '../../duckdb/select-statement.ts'
import { SCHEMAS, type SchemaName } from './table-snapshot.ts'

export type TableNames = Readonly<Record<SchemaName, readonly string[]>>

export interface FoundTable {
  readonly schema: SchemaName
  readonly name: string
}

/**
 * Undefined if there is none.
 * @throws {ConnectorError} InvalidQuery if the name could be either
 */
export function tableNamed(
  { name, schema, position }: NamedTable,
  names: TableNames,
  { sql, dialect }: { readonly sql: string; readonly dialect: Dialect },
): FoundTable | undefined {
  const asked = SCHEMAS.find((one) => one === schema?.toLowerCase())
  const found = (asked === undefined ? SCHEMAS : [asked]).flatMap((one): FoundTable[] => {
    const match = alikeIn(name, names[one])
    return match === undefined ? [] : [{ schema: one, name: match }]
  })
  if (found.length < 2) return found[0]
  // In the SQL of datasets, tables are datastores.
  if (dialect === 'athena') return found.find((one) => one.schema === 'datastores')
  const text = `${quoted(name)} is a channel and a datastore. Write channels.${name} or datastores.${name}.`
  throw invalidQuery(text, { sql, position })
}

/** That of exactly this name, or the only one that differs only in case, as SQL has it. */
function alikeIn(name: string, names: readonly string[]): string | undefined {
  if (names.includes(name)) return name
  const alike = names.filter((other) => other.toLowerCase() === name.toLowerCase())
  return alike.length === 1 ? alike[0] : undefined
}

export function unknownTable(
  { name, schema, position }: NamedTable,
  names: TableNames,
  sql: string,
): ConnectorError {
  const asked = SCHEMAS.find((one) => one === schema?.toLowerCase())
  const candidates = asked === undefined ? SCHEMAS.flatMap((one) => names[one]) : names[asked]
  const near = candidates.length === 0 ? undefined : closest(name, candidates)
  const isNear = near !== undefined && distance(name, near) <= Math.max(2, name.length / 3)
  const hint = isNear ? `Did you mean ${quoted(near)}?` : 'SHOW TABLES lists what there is.'
  return invalidQuery(`There is no ${kindOf(asked, names)} ${quoted(name)}. ${hint}`, {
    sql,
    position,
  })
}

function kindOf(asked: SchemaName | undefined, { datastores }: TableNames): string {
  if (asked === 'channels' || (asked === undefined && datastores.length === 0)) return 'channel'
  return asked === 'datastores' ? 'datastore' : 'channel and no datastore'
}
