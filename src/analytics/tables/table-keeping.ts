/**
 * Removes the files of a table that are not read any more: leftovers, files that are in a wider
 * one, and expired days. A query may have listed them before, so they stay for a while longer than a
 * query may take. Must not run beside a job that writes files of the table.
 */
import { rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import type { Clock } from '../../clock.ts'
import { keepFacts, readCatalogue, writeCatalogue } from './catalogue.ts'
import { type ListedFile, listTable } from './table-listing.ts'
import { type TableLocation, tableDirectory } from './table-location.ts'

const SHORTEST_GRACE_MS = 15 * 60_000
/** From the end of a query's time until its process is killed, many times over. */
const SPARE_MS = 60_000

export interface TableKeepingOptions {
  /** The data directory. */
  readonly directory: string
  readonly clock: Clock
  /** The time that a query may take: as long, it may read the files that it has listed. */
  readonly longestQueryMs: number
}

export interface KeptFiles {
  /** Those that are left to read. */
  readonly files: readonly ListedFile[]
  /** Those of expired days: they are removed once no query can be reading them. */
  readonly expiring: readonly ListedFile[]
}

/** Days that have expired, as this process has seen it. */
interface Expiry {
  readonly keptFrom: string
  /** By the monotonic clock. */
  readonly since: number
}

export class TableKeeping {
  readonly #directory: string
  readonly #clock: Clock
  readonly #graceMs: number
  readonly #expiries = new Map<TableLocation, Expiry>()

  constructor({ directory, clock, longestQueryMs }: TableKeepingOptions) {
    this.#directory = directory
    this.#clock = clock
    this.#graceMs = Math.max(SHORTEST_GRACE_MS, longestQueryMs + SPARE_MS)
  }

  async keep(table: TableLocation, keptFrom: string): Promise<KeptFiles> {
    const { files, superseded, hidden } = await listTable(this.#directory, table)
    const expired = files.filter(({ day }) => day < keptFrom)
    const removed = superseded
      .filter(({ by }) => this.#clock.now() - by.modifiedAt >= this.#graceMs)
      .map(({ file }) => file.path)
    const isOver = expired.length > 0 && (await this.#expire(table, keptFrom))
    if (isOver) removed.push(...expired.map(({ path }) => path))
    if (expired.length === 0) await this.#unexpire(table, keptFrom)
    await this.#remove(table, [...hidden, ...removed])
    return {
      files: files.filter(({ day }) => day >= keptFrom),
      expiring: isOver ? [] : expired,
    }
  }

  /** Takes the days before `keptFrom` out of the catalogue; true once that is long enough ago. */
  async #expire(table: TableLocation, keptFrom: string): Promise<boolean> {
    const before = this.#expiries.get(table)
    if (before?.keptFrom === keptFrom)
      return this.#clock.monotonic() - before.since >= this.#graceMs
    const catalogue = await readCatalogue(this.#directory, table)
    if (catalogue === undefined || catalogue === 'damaged') return false
    if ((catalogue.keptFrom ?? '') < keptFrom) {
      await writeCatalogue(this.#directory, table, { ...catalogue, keptFrom })
    }
    this.#expiries.set(table, { keptFrom, since: this.#clock.monotonic() })
    return false
  }

  /** A rule that keeps more than the one before makes days readable that are written from now on. */
  async #unexpire(table: TableLocation, keptFrom: string): Promise<void> {
    this.#expiries.delete(table)
    const catalogue = await readCatalogue(this.#directory, table)
    if (catalogue === undefined || catalogue === 'damaged') return
    if ((catalogue.keptFrom ?? '') <= keptFrom) return
    await writeCatalogue(this.#directory, table, { ...catalogue, keptFrom })
  }

  async #remove(table: TableLocation, paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return
    const root = tableDirectory(this.#directory, table)
    for (const path of paths) await nodeFileLayer.remove(join(root, path))
    for (const day of new Set(paths.map(dirname))) {
      // Fails if there are files in it.
      if (day !== '.') await rmdir(join(root, day)).catch(() => {})
    }
    await nodeFileLayer.syncDirectory(root)
    const catalogue = await readCatalogue(this.#directory, table)
    if (catalogue === undefined || catalogue === 'damaged') return
    const files = keepFacts(catalogue.files, (path) => !paths.includes(path))
    if (files.size < catalogue.files.size) {
      await writeCatalogue(this.#directory, table, { ...catalogue, files })
    }
  }
}
