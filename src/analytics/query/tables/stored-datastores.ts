/**
 * Datastores as SQL sees them: the attributes of what pipelines have stored, the day of arrival, and
 * columns for their partitions, which are computed from the attributes.
 */
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { type Partition, partitionsOf } from '../../datastores/schema/declared-schema.ts'
import {
  type DatastoreDefinition,
  datastoreDefinition,
} from '../../resources/datastore-definition.ts'
import { storedDefinitions } from '../../resources/stored-definitions.ts'
import { type FieldColumn, widerType } from '../../tables/columns.ts'
import { readTable } from '../../tables/table.ts'
import { dayOf } from '../../tables/table-file.ts'
import { originOf, type TableLocation, tablesIn } from '../../tables/table-location.ts'
import type { DatastoreRows } from './datastore-rows.ts'
import { type DatastoreSource, datastoreSelect } from './datastore-view.ts'
import type { TableSnapshot } from './table-snapshot.ts'
import { checkedTimeExpression } from './time-expression.ts'

interface Definition {
  readonly partitions: readonly Partition[]
}

export class StoredDatastores {
  /** In the order of the alphabet. */
  readonly names: readonly string[]
  readonly #directory: string
  readonly #tables: readonly TableLocation[]
  readonly #definitions: ReadonlyMap<string, Definition>
  readonly #rows: DatastoreRows

  private constructor(
    directory: string,
    definitions: ReadonlyMap<string, Definition>,
    tables: readonly TableLocation[],
    rows: DatastoreRows,
  ) {
    this.names = [...definitions.keys()].sort()
    this.#directory = directory
    this.#definitions = definitions
    this.#tables = tables
    this.#rows = rows
  }

  /**
   * @throws a system error when files can't be read
   * @throws {ConnectorError} InvalidQuery for a time expression that can't be used
   */
  static async open(
    directory: string,
    connection: DuckDBConnection,
    rows: DatastoreRows = {},
  ): Promise<StoredDatastores> {
    const stored = await storedDefinitions(directory, 'datastores', datastoreDefinition)
    const definitions = new Map<string, Definition>()
    for (const [name, definition] of stored) {
      definitions.set(name, { partitions: usablePartitions(definition) })
    }
    const { timeExpression } = rows
    const checked =
      timeExpression === undefined
        ? undefined
        : await checkedTimeExpression(connection, timeExpression)
    const tables = await tablesIn(directory)
    return new StoredDatastores(directory, definitions, tables, {
      ...rows,
      timeExpression: checked,
    })
  }

  async snapshot(datastore: string): Promise<TableSnapshot> {
    const sources: DatastoreSource[] = []
    let fileBytes = 0
    const firstDay = this.#rows.arrivedFrom === undefined ? '' : dayOf(this.#rows.arrivedFrom)
    for (const table of this.#tables) {
      if (originOf(table)['datastore'] !== datastore) continue
      const { files, catalogue } = await readTable(this.#directory, table)
      // A row is never in the file of a day before its own.
      const asked = files.filter(({ day }) => day >= firstDay)
      fileBytes += asked.reduce((total, { bytes }) => total + bytes, 0)
      sources.push({
        files: asked.map(({ path }) => join(table, path)),
        columns: catalogue.columns,
      })
    }
    const { partitions = [] } = this.#definitions.get(datastore) ?? {}
    const columns = unionOf(sources.map(({ columns }) => columns))
    return {
      name: datastore,
      schema: 'datastores',
      files: sources.flatMap(({ files }) => files),
      fileBytes,
      tailRows: 0,
      select: datastoreSelect({ sources, columns, partitions, rows: this.#rows }),
    }
  }
}

/** A format that can't be used was reported when the pipeline was defined; its columns are missing. */
export function usablePartitions(definition: DatastoreDefinition): readonly Partition[] {
  try {
    return partitionsOf(definition)
  } catch (thrown) {
    if (thrown instanceof RangeError) return []
    throw thrown
  }
}

/** By name: sources give the same name to the same attribute. */
export function unionOf(sources: readonly (readonly FieldColumn[])[]): FieldColumn[] {
  const byName = new Map<string, FieldColumn>()
  for (const column of sources.flat()) {
    const key = column.name.toLowerCase()
    const before = byName.get(key)
    if (before === undefined) byName.set(key, column)
    else byName.set(key, { ...before, type: widerType(before.type, column.type) })
  }
  return [...byName.values()]
}
