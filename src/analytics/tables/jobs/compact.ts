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
import { ConnectorError } from '../../../errors.ts'
import { parseTablePath, tableDirectory } from '../table-file.ts'
import type { ConversionResult } from './convert.ts'
import { parquetSource, publish, removeHidden, withFile, writeHidden } from './parquet-file.ts'
import { openCatalogue } from './rebuild.ts'
import { numberIn, rowsOf } from './session.ts'

export interface Compaction {
  /** The data directory. */
  readonly directory: string
  readonly channel: string
  readonly connectorId: string
  /** Below the channel's directory; neighbours of one day and one log, in order. */
  readonly paths: readonly string[]
}

/** @throws {ConnectorError} DataDamaged if the files have not the same rows before and after */
export async function compact(
  connection: DuckDBConnection,
  { directory, channel, connectorId, paths }: Compaction,
): Promise<ConversionResult> {
  const root = tableDirectory(directory, channel)
  const { day, logId, first, end } = rangeOf(paths)
  const catalogue = await openCatalogue(connection, directory, channel)
  const source = parquetSource(paths.map((path) => join(root, path)))
  const [before] = await rowsOf(
    connection,
    `SELECT count(*) AS rows, sum(octet_length(payload)) AS bytes FROM ${source}`,
  )
  const rows = numberIn(before, 'rows')
  const bytes = numberIn(before, 'bytes')
  const parquet = {
    directory,
    channel,
    connectorId,
    file: { day, logId, first, end },
    columns: catalogue.columns,
    source,
    payloadBytes: bytes / Math.max(rows, 1),
  }
  const facts = await writeHidden(connection, parquet)
  if (facts.rows !== rows || facts.payloadBytes !== bytes) {
    await removeHidden(parquet)
    const text = `expected ${rows} rows with ${bytes} bytes of payload in the file made of ${paths.join(', ')}, read ${facts.rows} with ${facts.payloadBytes}; the files stay as they are`
    throw new ConnectorError('DataDamaged', text)
  }
  await publish(parquet, withFile(catalogue, parquet.file, facts))
  const drifted = Object.values(facts.drift).reduce((sum, values) => sum + values, 0)
  return { rows, files: 1, bytes: facts.bytes, drifted }
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
