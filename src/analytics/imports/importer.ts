/**
 * Imports files into tables of a data directory that no connector uses, batch by batch in the worker
 * process. It can be stopped or killed at any time: what was imported is there, once, and importing
 * again goes on behind it.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { DirectoryLock } from '../../channels/disk/files/directory-lock.ts'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import { asConnectorError, ConnectorError } from '../../errors.ts'
import { originOf, type TableLocation } from '../tables/table-location.ts'
import { WorkerProcess } from '../worker/worker-process.ts'
import { WORKER_PROGRAM } from '../worker-program.ts'
import { batchesOf, type ImportBatch } from './batches.ts'
import type { BatchResult } from './import-batch.ts'
import { type ImportDatastore, importDatastores } from './import-datastores.ts'
import type { SourceFile } from './source-file.ts'

/** DuckDB, Node and a group of rows. */
const WORKER_BYTES = 1024 * 1024 * 1024
const WORKER_IDLE_MS = 30_000
/** For rows that do not fit in memory; removed at the end, and by the next import. */
const TEMPORARY_NAME = 'imports'

const NO_DATASTORE = ''

const eventShape = z.object({ bytes: z.number() })
const count = z.number()
const resultShape = z.object({
  rows: count,
  files: count,
  bytes: count,
  notJson: count,
  tooLong: count,
  imported: count,
  known: count,
  damaged: z.array(z.object({ path: z.string(), reason: z.string() })),
})

export interface ImportOptions {
  /** The data directory, as an absolute path. */
  readonly directory: string
  readonly connectorId: () => Promise<string>
  readonly signal: AbortSignal
  /** Called with the bytes of each file that was read or left out. */
  readonly onBytes: (bytes: number) => void
  readonly onBatch: (batch: ImportBatch, result: BatchResult) => void
  /** Called with a sentence about what a person should know. */
  readonly onNotice: (notice: string) => void
  readonly now: () => number
}

/** @throws {ConnectorError} DirectoryLocked if a connector uses the directory */
export async function importSources(
  sources: readonly SourceFile[],
  options: ImportOptions,
): Promise<void> {
  const { directory } = options
  const lock = new DirectoryLock(directory)
  await lock.acquire()
  const temporaryDirectory = join(directory, TEMPORARY_NAME)
  try {
    await removeAll(temporaryDirectory)
    await nodeFileLayer.makeDirectory(temporaryDirectory)
    await importAll(sources, temporaryDirectory, options)
  } finally {
    await removeAll(temporaryDirectory).catch(() => {})
    await lock.release()
  }
}

async function importAll(
  sources: readonly SourceFile[],
  temporaryDirectory: string,
  options: ImportOptions,
): Promise<void> {
  const { directory, connectorId, signal, onBytes, onBatch } = options
  const datastores = await definedDatastores(sources, options)
  const common = { directory, temporaryDirectory, connectorId: await connectorId() }
  const worker = new WorkerProcess({
    program: WORKER_PROGRAM,
    memoryBytes: WORKER_BYTES,
    niceness: 0,
    idleMs: WORKER_IDLE_MS,
  })
  try {
    for (const batch of batchesOf(sources)) {
      const { table, sources: some } = batch
      const columns = datastores.get(datastoreOf(table))?.columns
      const request = { ...common, table, sources: some, ...(columns && { columns }) }
      const answer = await worker.run('import', request, {
        signal,
        onEvent: (event) => onBytes(eventShape.parse(event).bytes),
      })
      onBatch(batch, resultShape.parse(answer))
    }
  } catch (error) {
    signal.throwIfAborted()
    throw storageError(error)
  } finally {
    await worker.close()
  }
}

async function definedDatastores(
  sources: readonly SourceFile[],
  { directory, now, onNotice }: ImportOptions,
): Promise<ReadonlyMap<string, ImportDatastore>> {
  const names = new Set(sources.map(({ table }) => datastoreOf(table)))
  names.delete(NO_DATASTORE)
  const datastores = await importDatastores([...names], { directory, now, onDamage: onNotice })
  for (const [name, { isNew }] of datastores) {
    if (isNew) onNotice(`the datastore ${name} is defined now, with the defaults`)
  }
  return datastores
}

function datastoreOf(table: TableLocation): string {
  return originOf(table)['datastore'] ?? NO_DATASTORE
}

/** What DuckDB says of a full disk. */
const NO_SPACE = /no space left|could not write|disk quota|ENOSPC|EDQUOT/i

function storageError(error: unknown): ConnectorError {
  const known = asConnectorError(error, 'StorageFailed', 'importing')
  if (!NO_SPACE.test(known.message)) return known
  const text = `the disk has no room for the imported rows: ${known.message}. Free space on it and import again: what is imported stays`
  return new ConnectorError('StorageFailed', text, { cause: error })
}

async function removeAll(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
}
