/**
 * The versions of one dataset's content, in memory and on disk:
 *
 *     datasets/report/<version>.json            what is known of it; replaced atomically
 *     datasets/report/<version>.<n>-<entry>.data  content of the n-th attempt
 *     datasets/report/progress.json             what outlives the versions
 *
 * A file with content exists for readers once a record names it. After a crash, files that no record
 * names are removed.
 */
import { join } from 'node:path'
import type * as z from 'zod'
import type { FileLayer, OpenFile } from '../../../channels/disk/files/file-layer.ts'
import { readSmallFile, writeSmallFile } from '../../../channels/disk/files/small-file.ts'
import { ConnectorError, writeReasonOf } from '../../../errors.ts'
import { SerialQueue } from '../../../serial-queue.ts'
import { ContentFile, type ContentRoom } from './content-file.ts'
import {
  bytesOf,
  type ContentEntry,
  type DatasetProgress,
  progressRecord,
  type VersionRecord,
  versionRecord,
} from './version-record.ts'

const MAX_RECORD_BYTES = 2 * 1024 * 1024
/** What a record takes on disk. */
const RECORD_BYTES = 4_096
const RECORD = '.json'
const TEMPORARY = '.tmp'
const CONTENT = '.data'
const PROGRESS = `progress${RECORD}`

export interface DatasetVersionsOptions {
  readonly directory: string
  readonly files: FileLayer
  readonly room: ContentRoom
  /** Called with a sentence for each file that can't be used. */
  readonly onDamage: (what: string) => void
}

export class DatasetVersions {
  readonly #options: DatasetVersionsOptions
  /** The newest first. */
  #versions: VersionRecord[] = []
  #progress: DatasetProgress = {}
  #hasDirectory = false
  /** Changes of files come one after the other. */
  readonly #changes = new SerialQueue()

  constructor(options: DatasetVersionsOptions) {
    this.#options = options
  }

  /** @throws {ConnectorError} StorageFailed */
  async open(): Promise<void> {
    const { directory, files, room } = this.#options
    const listed = await this.#durably('can’t be read', () => files.list(directory))
    this.#hasDirectory = listed.length > 0
    const names = listed.filter(({ isDirectory }) => !isDirectory).map(({ name }) => name)
    for (const name of names.filter((one) => one.endsWith(RECORD))) {
      if (name === PROGRESS) this.#progress = (await this.#read(name, progressRecord)) ?? {}
      else {
        const record = await this.#read(name, versionRecord)
        if (record !== undefined) this.#versions.push(record)
      }
    }
    this.#versions.sort(newestFirst)
    const named = new Set(this.#versions.flatMap(({ entries }) => entries).map(({ file }) => file))
    const isLeft = (name: string) =>
      name.endsWith(TEMPORARY) || (name.endsWith(CONTENT) && !named.has(name))
    for (const name of names.filter(isLeft)) await files.remove(join(directory, name))
    for (const version of this.#versions) room.grew(bytesOf(version) + RECORD_BYTES)
  }

  /** The newest first. */
  list(): readonly VersionRecord[] {
    return this.#versions
  }

  get(version: string): VersionRecord | undefined {
    return this.#versions.find((one) => one.version === version)
  }

  get latest(): VersionRecord | undefined {
    return this.#versions[0]
  }

  get latestSucceeded(): VersionRecord | undefined {
    return this.#versions.find(({ state }) => state === 'SUCCEEDED')
  }

  /** How far its content has come; some of it is known from the versions alone. */
  get progress(): DatasetProgress {
    return this.#versions.reduce(advanced, this.#progress)
  }

  /** Durable when it resolves. @throws {ConnectorError} StorageFailed; then nothing has changed */
  put(record: VersionRecord): Promise<void> {
    return this.#changes.run(() => this.#put(record))
  }

  /**
   * Changes what is known of a version by then. Resolves with the change; undefined if there is no
   * such version any more.
   * @throws {ConnectorError} StorageFailed; then nothing has changed
   */
  change(
    version: string,
    changed: (record: VersionRecord) => VersionRecord,
  ): Promise<VersionRecord | undefined> {
    return this.#changes.run(async () => {
      const before = this.get(version)
      if (before === undefined) return undefined
      const record = changed(before)
      if (record !== before) await this.#put(record)
      return record
    })
  }

  async #put(record: VersionRecord): Promise<void> {
    const before = this.get(record.version)
    await this.#write(`${record.version}${RECORD}`, record)
    this.#versions = [record, ...this.#versions.filter((one) => one !== before)].sort(newestFirst)
    if (before === undefined) this.#options.room.grew(RECORD_BYTES)
    const kept = new Set(record.entries.map(({ file }) => file))
    await this.removeContent((before?.entries ?? []).filter(({ file }) => !kept.has(file)))
  }

  /** For what can't be written: it holds until the next start. */
  putInMemory(record: VersionRecord): void {
    const others = this.#versions.filter(({ version }) => version !== record.version)
    this.#versions = [record, ...others].sort(newestFirst)
  }

  /** @throws {ConnectorError} StorageFailed; then nothing has changed */
  putProgress(progress: DatasetProgress): Promise<void> {
    return this.#changes.run(() => this.#putProgress(progress))
  }

  async #putProgress(progress: DatasetProgress): Promise<void> {
    const all = { ...this.progress, ...progress }
    await this.#write(PROGRESS, all)
    this.#progress = all
  }

  /** @throws {ConnectorError} StorageFailed */
  remove(version: string): Promise<void> {
    return this.#changes.run(async () => {
      const record = this.get(version)
      if (record !== undefined) await this.#remove(record)
    })
  }

  async #remove(record: VersionRecord): Promise<void> {
    const { directory, files } = this.#options
    const rest = this.#versions.filter((one) => one !== record)
    // What only this version knows is kept first.
    if (!isSame(this.progress, rest.reduce(advanced, this.#progress))) await this.#putProgress({})
    await this.#durably('can’t be removed', async () => {
      await files.remove(join(directory, `${record.version}${RECORD}`))
      await files.syncDirectory(directory)
    })
    this.#versions = this.#versions.filter((one) => one !== record)
    this.#options.room.grew(-RECORD_BYTES)
    await this.removeContent(record.entries)
  }

  /** Removes everything. @throws {ConnectorError} StorageFailed */
  removeAll(): Promise<void> {
    return this.#changes.run(() => this.#removeAll())
  }

  async #removeAll(): Promise<void> {
    const { directory, files, room } = this.#options
    await this.#durably('can’t be removed', async () => {
      const listed = await files.list(directory)
      // Records first: content without a record is removed at the next start.
      const ordered = [...listed].sort((one, other) => rankOf(one.name) - rankOf(other.name))
      for (const { name, isDirectory } of ordered) {
        if (!isDirectory) await files.remove(join(directory, name))
      }
      if (listed.length > 0) await files.syncDirectory(directory)
    })
    for (const version of this.#versions) room.grew(-bytesOf(version) - RECORD_BYTES)
    this.#versions = []
    this.#progress = {}
  }

  /** A file for content that a record will name as `file`. */
  async newContent(
    { version, attempts }: VersionRecord,
    entry: number,
  ): Promise<{ readonly file: string; readonly content: ContentFile }> {
    const { directory, files, room } = this.#options
    await this.#expectDirectory()
    const file = `${version}.${attempts}-${entry}${CONTENT}`
    const content = new ContentFile(files, join(directory, file), room)
    await content.open()
    return { file, content }
  }

  openContent({ file }: ContentEntry): Promise<OpenFile> {
    const { directory, files } = this.#options
    return files.open(join(directory, file), 'read')
  }

  /** Of content that no record names, so that no crash brings it back. A reader may have it open. */
  async removeContent(entries: readonly ContentEntry[]): Promise<void> {
    const { directory, files, room } = this.#options
    for (const { file, bytes } of entries) {
      // If it stays, the next start removes it.
      await files.remove(join(directory, file)).catch(() => {})
      room.grew(-bytes)
    }
  }

  async #expectDirectory(): Promise<void> {
    if (this.#hasDirectory) return
    const { directory, files } = this.#options
    await this.#durably('can’t be created', () => files.makeDirectory(directory))
    this.#hasDirectory = true
  }

  async #write(name: string, content: object): Promise<void> {
    const { directory, files } = this.#options
    await this.#expectDirectory()
    const path = join(directory, name)
    await this.#durably('can’t be written', async () => {
      await writeSmallFile(
        files,
        `${path}${TEMPORARY}`,
        Buffer.from(`${JSON.stringify(content)}\n`),
      )
      await files.rename(`${path}${TEMPORARY}`, path)
      await files.syncDirectory(directory)
    })
  }

  /** Undefined if it is damaged; it is set aside then. */
  async #read<Schema extends z.ZodType>(
    name: string,
    schema: Schema,
  ): Promise<z.output<Schema> | undefined> {
    const { directory, files, onDamage } = this.#options
    const path = join(directory, name)
    const bytes = await this.#durably('can’t be read', () =>
      readSmallFile(files, path, MAX_RECORD_BYTES),
    )
    const parsed = parsedRecord(schema, bytes)
    if (parsed !== undefined && isNamedAfter(parsed, name)) return parsed
    const aside = `${path}.damaged`
    await this.#durably('can’t be set aside', () => files.rename(path, aside))
    onDamage(
      `${path} is damaged. It is now ${aside}, and its content is missing: make the content again.`,
    )
    return undefined
  }

  async #durably<T>(failure: string, task: () => Promise<T>): Promise<T> {
    try {
      return await task()
    } catch (cause) {
      const text = `${this.#options.directory} ${failure}: ${writeReasonOf(cause)}`
      throw new ConnectorError('StorageFailed', text, { cause })
    }
  }
}

function parsedRecord<Schema extends z.ZodType>(
  schema: Schema,
  bytes: Buffer | undefined,
): z.output<Schema> | undefined {
  if (bytes === undefined || bytes.length > MAX_RECORD_BYTES) return undefined
  try {
    return schema.parse(JSON.parse(bytes.toString()))
  } catch {
    return undefined
  }
}

function isNamedAfter(record: unknown, name: string): boolean {
  const isVersion = typeof record === 'object' && record !== null && 'version' in record
  return name === (isVersion ? `${record.version}${RECORD}` : PROGRESS)
}

/** The progress that a version stands for. A window counts once its content is complete. */
function advanced(progress: DatasetProgress, version: VersionRecord): DatasetProgress {
  const { state, cause, window, scheduledAt, triggeredAt } = version
  return {
    coveredUntil: later(progress.coveredUntil, state === 'SUCCEEDED' ? window?.until : undefined),
    scheduledAt: later(progress.scheduledAt, cause === 'schedule' ? scheduledAt : undefined),
    triggeredAt: later(progress.triggeredAt, triggeredAt),
    lateUntil: progress.lateUntil,
  }
}

function later(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)
}

function isSame(one: DatasetProgress, other: DatasetProgress): boolean {
  return (
    one.coveredUntil === other.coveredUntil &&
    one.scheduledAt === other.scheduledAt &&
    one.triggeredAt === other.triggeredAt
  )
}

function newestFirst(one: VersionRecord, other: VersionRecord): number {
  return other.createdAt - one.createdAt || (one.version < other.version ? -1 : 1)
}

function rankOf(name: string): number {
  return name.endsWith(RECORD) ? 0 : 1
}
