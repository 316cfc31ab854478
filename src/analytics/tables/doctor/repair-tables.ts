/** Repairs what an inspection of the Parquet files has found. No connector uses the directory. */
import { join } from 'node:path'
import { DirectoryLock } from '../../../channels/disk/files/directory-lock.ts'
import { nodeFileLayer } from '../../../channels/disk/files/node-file-layer.ts'
import { rebuildCatalogue } from '../jobs/rebuild.ts'
import { withSession } from '../jobs/session.ts'
import { CATALOGUE_NAME } from '../table-file.ts'
import { type TableLocation, tableDirectory } from '../table-location.ts'
import type { TableFinding } from './finding.ts'
import { inspectTables } from './inspect-tables.ts'

/** A finding and what was done about it, in one sentence. */
export interface TableRepair {
  readonly finding: TableFinding
  readonly done: string
}

/**
 * @throws {ConnectorError} DirectoryLocked when a process uses the directory, AnalyticsUnavailable if
 *   a catalogue has to be rebuilt and DuckDB is not installed
 */
export async function repairTables(directory: string): Promise<readonly TableRepair[]> {
  const lock = new DirectoryLock(directory)
  await lock.acquire()
  try {
    const repairs: TableRepair[] = []
    for (const { table, findings } of await inspectTables(directory)) {
      repairs.push(...(await removeLeftovers(directory, table, findings)))
      repairs.push(...(await rebuild(directory, table, findings)))
    }
    return repairs
  } finally {
    await lock.release()
  }
}

async function removeLeftovers(
  directory: string,
  table: TableLocation,
  findings: readonly TableFinding[],
): Promise<TableRepair[]> {
  const leftovers = findings.filter(({ kind }) => kind === 'LeftOver')
  for (const { file } of leftovers) {
    await nodeFileLayer.remove(join(tableDirectory(directory, table), file))
  }
  return leftovers.map((finding) => ({ finding, done: 'Removed it.' }))
}

async function rebuild(
  directory: string,
  table: TableLocation,
  findings: readonly TableFinding[],
): Promise<TableRepair[]> {
  const [first] = findings.filter(
    ({ kind }) => kind === 'DamagedCatalogue' || kind === 'UnlistedTable',
  )
  // Rebuilt, it would take a damaged file for a good one.
  if (first === undefined || findings.some(({ kind }) => kind === 'DamagedTable')) return []
  const { signal } = new AbortController()
  await withSession(signal, (connection) => rebuildCatalogue(connection, directory, table))
  const finding = { ...first, file: CATALOGUE_NAME }
  return [{ finding, done: 'Rebuilt the catalogue from the files.' }]
}
