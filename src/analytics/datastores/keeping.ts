/** Looks after the files of datastores: what is too old, too much, too small, or not needed. */
import { randomUUID } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isChannelName } from '../../channel-name.ts'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import type { Clock } from '../../clock.ts'
import { ConnectorError, systemCodeOf, writeReasonOf } from '../../errors.ts'
import type { PipelineObserver } from '../../observer.ts'
import { formatSize } from '../../units.ts'
import type { DatastoreDefinition } from '../resources/datastore-definition.ts'
import { planCompaction } from '../tables/compaction-plan.ts'
import type { JobRunner } from '../tables/converter.ts'
import { firstKeptDay } from '../tables/retention.ts'
import { dayOf } from '../tables/table-file.ts'
import { TableKeeping } from '../tables/table-keeping.ts'
import { type ListedFile, listTable } from '../tables/table-listing.ts'
import {
  DATASTORES_NAME,
  originOf,
  type TableLocation,
  tablesIn,
} from '../tables/table-location.ts'

const DAY_MS = 86_400_000
const JOB_TIMEOUT_MS = 30 * 60_000
/** Of a datastore that was deleted, until its files are removed. */
const REMOVED = '.removed-'

export interface DatastoreKeepingOptions {
  /** The data directory. */
  readonly directory: string
  readonly connectorId: string
  readonly datastore: (name: string) => DatastoreDefinition | undefined
  /** Of the files of all datastores together. */
  readonly maxBytes: number
  /** The time that a query may take. */
  readonly longestQueryMs: number
  readonly jobs: JobRunner
  readonly observer: PipelineObserver
  readonly clock: Clock
}

export class DatastoreKeeping {
  readonly #options: DatastoreKeepingOptions
  readonly #keeping: TableKeeping
  readonly #files = new Map<TableLocation, readonly ListedFile[]>()

  constructor(options: DatastoreKeepingOptions) {
    this.#options = options
    this.#keeping = new TableKeeping(options)
  }

  /** Of the files of a datastore, when they were looked at last. */
  bytesOf(datastore: string): number {
    let bytes = 0
    for (const [table, files] of this.#files) {
      if (originOf(table)['datastore'] === datastore) bytes += sizeOf(files)
    }
    return bytes
  }

  /**
   * Why no more may be written; undefined if there is room. Older days make room for newer ones, so
   * the files of today alone count.
   */
  async noRoom(): Promise<string | undefined> {
    const { directory, maxBytes, clock } = this.#options
    const today = dayOf(clock.now())
    let bytes = 0
    for (const table of await this.#tables()) {
      const { files } = await listTable(directory, table)
      bytes += sizeOf(files.filter(({ day }) => day === today))
    }
    if (bytes < maxBytes) return undefined
    return `the files of datastores of today have ${formatSize(bytes)}, and analytics.pipelines.maxBytes is ${formatSize(maxBytes)}; pipelines wait until tomorrow`
  }

  /** Must not run beside a job that writes files of datastores. */
  async keep(signal: AbortSignal): Promise<void> {
    const tables = await this.#tables()
    for (const table of this.#files.keys()) if (!tables.includes(table)) this.#listed(table, [])
    const bySize = await this.#firstDayThatFits(tables)
    for (const table of tables) {
      signal.throwIfAborted()
      const byAge = this.#firstDayByAge(table)
      await this.#keepTable(table, [byAge, bySize].sort().at(-1) ?? byAge, signal)
    }
  }

  /** Those of datastores that are defined. */
  async #tables(): Promise<TableLocation[]> {
    const { directory, datastore } = this.#options
    const all = await tablesIn(directory)
    return all.filter((table) => datastore(originOf(table)['datastore'] ?? '') !== undefined)
  }

  /** Days before `keptFrom` expire. */
  async #keepTable(table: TableLocation, keptFrom: string, signal: AbortSignal): Promise<void> {
    const { directory, connectorId, clock, jobs } = this.#options
    for (;;) {
      const { files } = await this.#keeping.keep(table, keptFrom)
      this.#listed(table, files)
      const paths = planCompaction(files, clock.now())?.map(({ path }) => path)
      if (paths === undefined) return
      const request = { directory, table, connectorId, paths }
      await jobs.run('compact', request, { signal, timeoutMs: JOB_TIMEOUT_MS })
    }
  }

  /** By the datastore's own rule. */
  #firstDayByAge(table: TableLocation): string {
    const { datastore, clock } = this.#options
    const now = clock.now()
    const { retentionPeriod } = datastore(originOf(table)['datastore'] ?? '') ?? {}
    const days = retentionPeriod?.numberOfDays
    const retentionMs = days === undefined ? now : Math.min(now, days * DAY_MS)
    return firstKeptDay([], now, { retentionMs, maxBytes: Number.POSITIVE_INFINITY })
  }

  /**
   * Counts what is on disk. Days that have expired for their size are there until no query can be
   * reading them, and would otherwise come back for as long.
   */
  async #firstDayThatFits(tables: readonly TableLocation[]): Promise<string> {
    const { directory, maxBytes, clock } = this.#options
    const counted: ListedFile[] = []
    for (const table of tables) {
      const byAge = this.#firstDayByAge(table)
      const { files } = await listTable(directory, table)
      counted.push(...files.filter(({ day }) => day >= byAge))
    }
    const now = clock.now()
    return firstKeptDay(counted, now, { retentionMs: now, maxBytes })
  }

  #listed(table: TableLocation, files: readonly ListedFile[]): void {
    const before = this.#files.get(table) ?? []
    if (files.length === 0) this.#files.delete(table)
    else this.#files.set(table, files)
    const datastore = originOf(table)['datastore'] ?? ''
    const growth = { files: files.length - before.length, bytes: sizeOf(files) - sizeOf(before) }
    if (growth.files !== 0 || growth.bytes !== 0) {
      this.#options.observer.datastoreGrew(datastore, growth)
    }
  }

  /**
   * Takes the files of a datastore out of reach at once; `sweep` removes them. Undone by calling what
   * it resolves with.
   * @throws {ConnectorError} StorageFailed
   */
  async setAside(datastore: string): Promise<() => Promise<void>> {
    if (!isChannelName(datastore)) return async () => {}
    const root = join(this.#options.directory, DATASTORES_NAME)
    const [path, aside] = [join(root, datastore), join(root, `${REMOVED}${randomUUID()}`)]
    const move = async (from: string, to: string) => {
      try {
        await rename(from, to)
        await nodeFileLayer.syncDirectory(root)
      } catch (cause) {
        if (systemCodeOf(cause) === 'ENOENT') return
        const text = `${from} can’t be renamed: ${writeReasonOf(cause)}`
        throw new ConnectorError('StorageFailed', text, { cause })
      }
    }
    await move(path, aside)
    for (const table of this.#files.keys()) {
      if (originOf(table)['datastore'] === datastore) this.#listed(table, [])
    }
    return () => move(aside, path)
  }

  /** Removes what was set aside, also by a process before this one. */
  async sweep(): Promise<void> {
    const root = join(this.#options.directory, DATASTORES_NAME)
    for (const { name } of await nodeFileLayer.list(root)) {
      if (name.startsWith(REMOVED)) await rm(join(root, name), { recursive: true, force: true })
    }
  }
}

function sizeOf(files: readonly ListedFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}
