/**
 * The job `compact`: neighbouring files of a day become one. Fields are read from the payloads again,
 * with the columns of today: a field that got its column later, or a wider type, has its values in
 * the rows of before as well.
 *
 * The new file covers the range of the old ones, so from the moment it has its name these are not
 * read any more. They are removed later, because a query may be reading them.
 */
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { parseTablePath } from '../table-file.ts'
import { type TableLocation, tableDirectory } from '../table-location.ts'
import { type ConversionResult, driftedIn } from './convert.ts'
import { parquetSource, publish, withFile, writeHidden } from './parquet-file.ts'
import { openCatalogue } from './rebuild.ts'

export interface Compaction {
  /** The data directory. */
  readonly directory: string
  readonly table: TableLocation
  readonly connectorId: string
  /** Below the table's directory; neighbours of one day and one log, in order. */
  readonly paths: readonly string[]
}

/** @throws {ConnectorError} DataDamaged if the new file has not the rows of the old ones */
export async function compact(
  connection: DuckDBConnection,
  { directory, table, connectorId, paths }: Compaction,
): Promise<Omit<ConversionResult, 'to'>> {
  const root = tableDirectory(directory, table)
  const { day, logId, first, end } = rangeOf(paths)
  const catalogue = await openCatalogue(connection, directory, table)
  const source = parquetSource(paths.map((path) => join(root, path)))
  const file = { day, logId, first, end }
  const { columns } = catalogue
  const parquet = { directory, table, connectorId, file, columns, source }
  const facts = await writeHidden(connection, parquet)
  if (facts === undefined) throw new RangeError(`expected rows in ${paths.join(', ')}`)
  await publish(parquet, withFile(catalogue, file, facts))
  const { rows, bytes, payloadBytes } = facts
  return { rows, files: 1, bytes, payloadBytes, drifted: driftedIn(facts) }
}

function rangeOf(paths: readonly string[]) {
  const files = paths.map(parseTablePath)
  const [first, last] = [files[0], files.at(-1)]
  const areNeighbours = files.every(
    (file) => file?.day === first?.day && file?.logId === first?.logId,
  )
  if (first === undefined || last === undefined || !areNeighbours) {
    throw new RangeError(`expected files of one day and one log, got ${paths.join(', ')}`)
  }
  return { ...first, end: last.end }
}
