/**
 * What queries can ask for, with the columns that are known from the catalogues of tables. DuckDB has
 * no part in it, so a list costs some small files.
 */
import { datastoreDefinition } from '../../resources/datastore-definition.ts'
import { storedDefinitions } from '../../resources/stored-definitions.ts'
import { readColumns } from '../../tables/catalogue.ts'
import {
  channelTable,
  originOf,
  type TableLocation,
  tablesIn,
} from '../../tables/table-location.ts'
import { channelColumns, type SchemaColumn } from './channel-view.ts'
import { datastoreColumns } from './datastore-view.ts'
import { unionOf, usablePartitions } from './stored-datastores.ts'

/** A catalogue of some thousand files. Parsing a larger one would hold up the connector. */
const MAX_CATALOGUE_BYTES = 1024 * 1024

export interface ListedTable {
  readonly kind: 'channel' | 'datastore'
  readonly name: string
  /** Null if no catalogue says them. */
  readonly columns: readonly SchemaColumn[] | null
}

export interface ListRequest {
  /** The qualified name after which the list begins: `channels.pumps`. */
  readonly after: string
  readonly limit: number
  /** The channels that have a log. */
  readonly channels: readonly string[]
  /** Called before each table. */
  readonly nextTurn: () => Promise<void>
}

/**
 * Channels, then datastores, each by name; one more than `limit` if there are more.
 * @param directory the data directory
 * @throws a system error if files can't be read
 */
export async function listTables(directory: string, request: ListRequest): Promise<ListedTable[]> {
  const { after, limit, channels, nextTurn } = request
  const locations = await tablesIn(directory)
  const definitions = await storedDefinitions(directory, 'datastores', datastoreDefinition)
  const imported = locations.flatMap((table) => originOf(table)['channel'] ?? [])
  const named = [
    ...inOrder('channel', new Set([...channels, ...imported])),
    ...inOrder('datastore', definitions.keys()),
  ].filter((table) => qualifiedName(table) > after)
  const listed: ListedTable[] = []
  for (const { kind, name } of named.slice(0, limit + 1)) {
    await nextTurn()
    const definition = kind === 'datastore' ? definitions.get(name) : undefined
    const columns =
      definition === undefined
        ? await columnsOfChannel(directory, name)
        : await columnsOfDatastore(
            directory,
            locations.filter((table) => originOf(table)['datastore'] === name),
            usablePartitions(definition),
          )
    listed.push({ kind, name, columns })
  }
  return listed
}

/** As SQL names it. */
export function qualifiedName({ kind, name }: Pick<ListedTable, 'kind' | 'name'>): string {
  return `${kind}s.${name}`
}

function inOrder(kind: ListedTable['kind'], names: Iterable<string>) {
  return [...names].sort().map((name) => ({ kind, name }))
}

/** Fields that only messages have that are in no file yet are missing. */
async function columnsOfChannel(directory: string, channel: string) {
  const fields = await readColumns(directory, channelTable(channel), MAX_CATALOGUE_BYTES)
  return fields === undefined ? null : channelColumns(fields)
}

async function columnsOfDatastore(
  directory: string,
  tables: readonly TableLocation[],
  partitions: Parameters<typeof datastoreColumns>[1],
) {
  const sources = []
  for (const table of tables) {
    const columns = await readColumns(directory, table, MAX_CATALOGUE_BYTES)
    if (columns === undefined) return null
    sources.push(columns)
  }
  return datastoreColumns(unionOf(sources), partitions)
}
