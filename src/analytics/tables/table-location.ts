/**
 * Where the Parquet files of a table are, below the data directory. A channel has a table, and so has
 * each source of a datastore: a pipeline, or an import.
 *
 *     tables/plant
 *     datastores/readings/clean
 *     └ root     └ datastore └ pipeline
 */
import { join } from 'node:path'
import * as z from 'zod'
import type { FileLayer } from '../../channels/disk/files/file-layer.ts'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import { ROW_COLUMNS } from '../rows/row-columns.ts'

export const TABLES_NAME = 'tables'
export const DATASTORES_NAME = 'datastores'

export type TableLocation = `tables/${string}` | `datastores/${string}/${string}`

/** Names become parts of paths. A source may begin with underscores: `__import`. */
const CHANNEL_TABLE = /^tables\/(?!__)([A-Za-z0-9_]{1,128})$/
const DATASTORE_TABLE = /^datastores\/((?!__)[A-Za-z0-9_]{1,128})\/([A-Za-z0-9_]{1,128})$/

/** @throws {RangeError} if no channel can have the name */
export function channelTable(channel: string): TableLocation {
  return expectLocation(`${TABLES_NAME}/${channel}`)
}

/** @throws {RangeError} if no datastore, or no source, can have the name */
export function datastoreTable(datastore: string, source: string): TableLocation {
  return expectLocation(`${DATASTORES_NAME}/${datastore}/${source}`)
}

/** As part of a request. */
export const tableLocation = z.custom<TableLocation>(
  (value) => typeof value === 'string' && isLocation(value),
  'expected the place of a table',
)

export function tableDirectory(directory: string, table: TableLocation): string {
  return join(directory, expectLocation(table))
}

/** What the files of a table say about their origin. */
export function originOf(table: TableLocation): Readonly<Record<string, string>> {
  const [, channel] = CHANNEL_TABLE.exec(table) ?? []
  if (channel !== undefined) return { channel }
  const [, datastore = '', pipeline = ''] = DATASTORE_TABLE.exec(table) ?? []
  return { datastore, pipeline }
}

/** The name in reports: that of a channel alone, as in those about its log. */
export function shownTable(table: TableLocation): string {
  return originOf(table)['channel'] ?? table
}

export interface StoredColumn {
  readonly name: string
  readonly type: string
}

/** Which of several messages that a function has made of one. */
export const PART_COLUMN = 'part'
const DERIVED_COLUMNS: readonly StoredColumn[] = [
  ...ROW_COLUMNS,
  { name: PART_COLUMN, type: 'INTEGER' },
]

/** The columns that every row of the table has, whatever its payload is. */
export function rowColumnsOf(table: TableLocation): readonly StoredColumn[] {
  return CHANNEL_TABLE.test(table) ? ROW_COLUMNS : DERIVED_COLUMNS
}

/**
 * All tables that have a directory, by name.
 * @throws a system error if a directory can't be read
 */
export async function tablesIn(
  directory: string,
  files: FileLayer = nodeFileLayer,
): Promise<TableLocation[]> {
  const found: string[] = []
  for (const name of await directoriesIn(directory, TABLES_NAME, files)) {
    found.push(`${TABLES_NAME}/${name}`)
  }
  for (const datastore of await directoriesIn(directory, DATASTORES_NAME, files)) {
    const root = `${DATASTORES_NAME}/${datastore}`
    for (const name of await directoriesIn(directory, root, files)) found.push(`${root}/${name}`)
  }
  return found.filter(isLocation)
}

async function directoriesIn(
  directory: string,
  path: string,
  files: FileLayer,
): Promise<readonly string[]> {
  const entries = await files.list(join(directory, path))
  return entries
    .filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name)
    .sort()
}

function isLocation(text: string): text is TableLocation {
  return CHANNEL_TABLE.test(text) || DATASTORE_TABLE.test(text)
}

function expectLocation(text: string): TableLocation {
  if (isLocation(text)) return text
  throw new RangeError(`expected tables/CHANNEL or datastores/DATASTORE/SOURCE, got ${text}`)
}
