/** Starts what makes Parquet files, if the configuration asks for them. */
import { statfs } from 'node:fs/promises'
import type { ResourceStore } from '../../analytics/resources/resource-store.ts'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import { selectsChannel } from '../../delivery/selection.ts'
import { formatSize } from '../../units.ts'
import type { OpenedStorage } from '../opened-storage.ts'
import type { PartContext } from '../parts.ts'

/** DuckDB, Node and a group of rows; a conversion that needs more takes fewer rows. */
const WORKER_BYTES = 1024 * 1024 * 1024
const WORKER_NICENESS = 15
const WORKER_IDLE_MS = 30_000
/** What the disk keeps free besides the room of the log. */
const SPARE_BYTES = 64 * 1024 * 1024

/** Messages come in without DuckDB, so that it is missing is no reason not to start. */
export function noticesOfTables({ analytics: { tables } }: ConnectorConfig): string[] {
  if (tables === undefined) return []
  try {
    import.meta.resolve('@duckdb/node-api')
    return []
  } catch {
    const text =
      'analytics.tables needs the package @duckdb/node-api, which is not installed; until it is, no tables are written. Run: npm install @duckdb/node-api@1.5.6-r.1'
    return [text]
  }
}

export interface RunningTables {
  close(): Promise<void>
}

/** Undefined if there are to be no tables. */
export async function startTables(
  { analytics: { tables, query }, storage: { directory } }: ConnectorConfig,
  storage: OpenedStorage,
  context: PartContext & { readonly connectorId: string },
  resources: ResourceStore | undefined,
): Promise<RunningTables | undefined> {
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
  const converter = new TableConverter({
    ...context,
    directory,
    retention: { retentionMs: tables.retention, maxBytes: tables.maxBytes },
    longestQueryMs: query.timeout,
    retentionDaysOf: (channel) => {
      return resources?.channels.get(channel)?.definition.retentionPeriod.numberOfDays
    },
    logs: () => logsOf(storage, tables.channels),
    noRoom: () => noRoom(storage, directory),
    jobs: worker,
  })
  converter.start()
  return {
    // A job that is killed leaves nothing that the next start would not tidy up.
    close: async () => void (await Promise.all([converter.close(), worker.close()])),
  }
}

function* logsOf({ channels }: OpenedStorage, include: readonly string[]) {
  for (const { name, log } of channels) {
    if (!selectsChannel({ channels: { include } }, name)) continue
    yield { channel: name, logId: log.id, committed: log.committed }
  }
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
