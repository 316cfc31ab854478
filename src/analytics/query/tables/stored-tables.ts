/** The channels and datastores that a statement names, as they are now. */
import type { DuckDBConnection } from '@duckdb/node-api'
import type { Dialect } from '../../duckdb/instance.ts'
import type { SelectStatement } from '../../duckdb/select-statement.ts'
import { registerStoredRows } from '../../rows/row-scan.ts'
import type { DatastoreRows } from './datastore-rows.ts'
import { StoredChannels } from './stored-channels.ts'
import { StoredDatastores } from './stored-datastores.ts'
import { type FoundTable, type TableNames, tableNamed, unknownTable } from './table-names.ts'
import { type NamedSnapshot, SCHEMAS, type TableSnapshot } from './table-snapshot.ts'

/** More channels than this are not listed by `show tables`, and as many datastores. */
const MAX_LISTED = 1_000

export interface StoredTablesOptions {
  /** Before its instance is locked. */
  readonly connection: DuckDBConnection
  /** The data directory, as an absolute path. */
  readonly directory: string
  readonly dialect: Dialect
  readonly datastoreRows: DatastoreRows | undefined
}

type Uses = Map<string, FoundTable & { isPlain: boolean; isQualified: boolean }>

export class StoredTables {
  readonly #options: StoredTablesOptions
  #close: (() => void) | undefined

  constructor(options: StoredTablesOptions) {
    this.#options = options
  }

  /** @throws {ConnectorError} InvalidQuery for a table that is neither, or may be both */
  async snapshotsFor(statement: SelectStatement): Promise<NamedSnapshot[]> {
    const { connection, directory, dialect, datastoreRows } = this.#options
    this.#close = await registerStoredRows(connection, directory)
    const channels = await StoredChannels.open(directory)
    const datastores = await StoredDatastores.open(directory, connection, datastoreRows)
    const names: TableNames = { channels: channels.names, datastores: datastores.names }
    const uses: Uses = new Map()
    for (const table of statement.tables) {
      const found = tableNamed(table, names, { sql: statement.sql, dialect })
      if (found !== undefined) note(uses, found, isQualified(table.schema))
      else if (!(await this.#isBuiltIn(table.name))) {
        throw unknownTable(table, names, statement.sql)
      }
    }
    if (statement.listsTables) noteAll(uses, names)
    const snapshots: NamedSnapshot[] = []
    for (const { schema, name, ...use } of uses.values()) {
      const stored = schema === 'channels' ? channels : datastores
      const snapshot: TableSnapshot = await stored.snapshot(name)
      snapshots.push({ snapshot, ...use })
    }
    return snapshots
  }

  close(): void {
    this.#close?.()
  }

  /** Whether DuckDB has a view of this name, such as `duckdb_columns`. */
  async #isBuiltIn(name: string): Promise<boolean> {
    const sql = 'select 1 from duckdb_views() where view_name = lower($1::varchar)'
    const reader = await this.#options.connection.runAndReadAll(sql, [name])
    return reader.currentRowCount > 0
  }
}

function isQualified(schema: string | undefined): boolean {
  return SCHEMAS.some((one) => one === schema?.toLowerCase())
}

function note(uses: Uses, { schema, name }: FoundTable, isQualified: boolean): void {
  const key = `${schema}.${name}`
  const use = uses.get(key) ?? { schema, name, isPlain: false, isQualified: false }
  uses.set(key, {
    ...use,
    isPlain: use.isPlain || !isQualified,
    isQualified: use.isQualified || isQualified,
  })
}

/** Every table by its name alone, unless that may mean two. */
function noteAll(uses: Uses, names: TableNames): void {
  const plain = new Set([...uses.values()].filter(({ isPlain }) => isPlain).map(({ name }) => name))
  for (const schema of SCHEMAS) {
    for (const name of names[schema].slice(0, MAX_LISTED)) {
      const isNew = !plain.has(name)
      plain.add(name)
      note(uses, { schema, name }, !isNew)
    }
  }
}
