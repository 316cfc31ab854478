/** Starts what makes Parquet files, if the configuration asks for them. */
import { statfs } from 'node:fs/promises'
import type { ResourceStore } from '../../analytics/resources/resource-store.ts'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import { selectsChannel } from '../../delivery/selection.ts'
import { formatSize } from '../../units.ts'
import type { OpenedStorage } from '../opened-storage.ts'
import type { PartContext } from '../parts.ts'
import { startUploads } from './uploads.ts'

/** DuckDB, Node and a group of rows; a conversion that needs more takes fewer rows. */
const WORKER_BYTES = 1024 * 1024 * 1024
const WORKER_NICENESS = 15
const WORKER_IDLE_MS = 30_000
/** Of a channel that was imported, and has had no message. */
const NO_LOG = { logId: '', committed: 0 }
/** What the disk keeps free besides the room of the log. */
const SPARE_BYTES = 64 * 1024 * 1024

/** Messages come in without DuckDB, so that it is missing is no reason not to start. */
export function noticesOfTables({ analytics: { tables, api } }: ConnectorConfig): string[] {
  if (tables === undefined && api === undefined) return []
  try {
    import.meta.resolve('@duckdb/node-api')
    return []
  } catch {
    const needs = 'needs the package @duckdb/node-api, which is not installed; until it is,'
    const run = 'Run: npm install @duckdb/node-api@1.5.6-r.1'
    return [
      ...(tables ? [`analytics.tables ${needs} no tables are written. ${run}`] : []),
      ...(api
        ? [`analytics.api ${needs} pipelines wait, and datasets have no content. ${run}`]
        : []),
    ]
  }
}

export interface RunningTables {
  close(): Promise<void>
}

/** Undefined if there are to be no tables. */
export async function startTables(
  config: ConnectorConfig,
  storage: OpenedStorage,
  context: PartContext & { readonly connectorId: string },
  resources: ResourceStore | undefined,
): Promise<RunningTables | undefined> {
  const { tables, query } = config.analytics
  const { directory } = config.storage
  if (tables === undefined) return undefined
  const { WorkerProcess } = await import('../../analytics/worker/worker-process.ts')
  const { WORKER_PROGRAM } = await import('../../analytics/worker-program.ts')
  const { TableConverter } = await import('../../analytics/tables/converter.ts')
  const worker = new WorkerProcess({
    program: WORKER_PROGRAM,
    memoryBytes: WORKER_BYTES,
    niceness: WORKER_NICENESS,
    idleMs: WORKER_IDLE_MS,
  })
  const uploads = await startUploads(config, context)
  const imported = await importedTables(directory)
  const converter = new TableConverter({
    ...context,
    directory,
    retention: { retentionMs: tables.retention, maxBytes: tables.maxBytes },
    longestQueryMs: query.timeout,
    retentionDaysOf: (channel) => {
      return resources?.channels.get(channel)?.definition.retentionPeriod.numberOfDays
    },
    logs: () => logsOf(storage, tables.channels, imported),
    noRoom: () => noRoom(storage, directory),
    jobs: worker,
    uploads,
  })
  converter.start()
  return {
    // A job that is killed leaves nothing that the next start would not tidy up.
    close: async () => {
      await Promise.all([converter.close(), worker.close(), uploads?.close()])
    },
  }
}

/** @param imported channels that may have files and no log */
function* logsOf(
  { channels }: OpenedStorage,
  include: readonly string[],
  imported: readonly string[],
) {
  for (const { name, log } of channels) {
    if (!selectsChannel({ channels: { include } }, name)) continue
    yield { channel: name, logId: log.id, committed: log.committed }
  }
  for (const name of imported) {
    if (channels.get(name) !== undefined) continue
    if (selectsChannel({ channels: { include } }, name)) yield { channel: name, ...NO_LOG }
  }
}

/** Nothing is imported while the connector runs. */
async function importedTables(directory: string): Promise<string[]> {
  const { originOf, tablesIn } = await import('../../analytics/tables/table-location.ts')
  const tables = await tablesIn(directory).catch(() => [])
  return tables.flatMap((table) => originOf(table)['channel'] ?? [])
}

/** Messages come first: the disk must have room for all that the log may still need. */
export async function noRoom(
  { channels, storeLedger }: OpenedStorage,
  directory: string,
): Promise<string | undefined> {
  const { storageFailure } = channels
  if (storageFailure !== undefined) return storageFailure.message
  const { bytes, maxBytes = 0 } = storeLedger()
  const { bavail, bsize } = await statfs(directory)
  const needed = Math.max(0, maxBytes - bytes) + SPARE_BYTES
  if (bavail * bsize >= needed) return undefined
  return `the disk of ${directory} has ${formatSize(bavail * bsize)} left, and messages may need ${formatSize(needed)} ("storage.maxBytes"); free space on it, or lower "storage.maxBytes"`
}
