/**
 * The resources of one kind. All of them are in memory, and each has a file. A change is durable
 * before it is seen.
 */
import { join } from 'node:path'
import type * as z from 'zod'
import type { FileLayer } from '../../channels/disk/files/file-layer.ts'
import { readSmallFile, writeSmallFile } from '../../channels/disk/files/small-file.ts'
import { ConnectorError, messageOf, writeReasonOf } from '../../errors.ts'
import {
  fileNameOf,
  fileTextOf,
  isResourceFile,
  parseFile,
  type Resource,
} from './resource-file.ts'
import type { Tag } from './tags.ts'

/** More than any request may have. */
export const MAX_FILE_BYTES = 2 * 1024 * 1024
const TEMPORARY = '.tmp'

export interface ResourceCollectionOptions<Schema extends z.ZodType> {
  readonly directory: string
  readonly schema: Schema
  readonly files: FileLayer
  readonly now: () => number
  /** Called with a sentence for each file that can't be used. */
  readonly onDamage: (what: string) => void
}

/** Members that are undefined stay as they are. */
export interface ResourceChange<Definition> {
  readonly createdAt?: number | undefined
  readonly tags?: readonly Tag[] | undefined
  readonly definition: Definition
}

export class ResourceCollection<Schema extends z.ZodType> {
  readonly #options: ResourceCollectionOptions<Schema>
  readonly #resources = new Map<string, Resource<z.infer<Schema>>>()

  constructor(options: ResourceCollectionOptions<Schema>) {
    this.#options = options
  }

  /**
   * Reads all files. Damaged ones are renamed and reported.
   * @throws {ConnectorError} StorageFailed if the directory can't be read
   */
  async open(): Promise<void> {
    const { files, directory } = this.#options
    const entries = await files.list(directory).catch((cause: unknown) => {
      const text = `${directory} can’t be read: ${writeReasonOf(cause)}`
      throw new ConnectorError('StorageFailed', text, { cause })
    })
    for (const { name, isDirectory } of entries) {
      if (!isDirectory && isResourceFile(name)) await this.#read(name)
    }
  }

  get size(): number {
    return this.#resources.size
  }

  get(name: string): Resource<z.infer<Schema>> | undefined {
    return this.#resources.get(name)
  }

  /** By name. */
  list(): Resource<z.infer<Schema>>[] {
    return [...this.#resources.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
  }

  /**
   * Creates the resource, or replaces what is given of it.
   * @throws {ConnectorError} StorageFailed; then nothing has changed
   */
  async put(
    name: string,
    change: ResourceChange<z.infer<Schema>>,
  ): Promise<Resource<z.infer<Schema>>> {
    const now = this.#options.now()
    const known = this.#resources.get(name) ?? { createdAt: now, tags: [] }
    const { createdAt = known.createdAt, tags = known.tags, definition } = change
    const resource = { name, createdAt, updatedAt: now, tags, definition }
    const { files, directory } = this.#options
    const path = join(directory, fileNameOf(name))
    await this.#durably(`${path} can’t be written`, async () => {
      await files.makeDirectory(directory)
      await writeSmallFile(files, `${path}${TEMPORARY}`, Buffer.from(fileTextOf(resource)))
      await files.rename(`${path}${TEMPORARY}`, path)
      await files.syncDirectory(directory)
    })
    this.#resources.set(name, resource)
    return resource
  }

  /** Replaces the tags of a resource that is there. @throws {ConnectorError} StorageFailed */
  async retag(name: string, tags: readonly Tag[]): Promise<void> {
    const resource = this.#resources.get(name)
    if (resource !== undefined) await this.put(name, { ...resource, tags })
  }

  /** @throws {ConnectorError} StorageFailed; then nothing has changed */
  async remove(name: string): Promise<void> {
    if (!this.#resources.has(name)) return
    const { files, directory } = this.#options
    const path = join(directory, fileNameOf(name))
    await this.#durably(`${path} can’t be removed`, async () => {
      await files.remove(path)
      await files.syncDirectory(directory)
    })
    this.#resources.delete(name)
  }

  async #durably(failure: string, write: () => Promise<void>): Promise<void> {
    try {
      await write()
    } catch (cause) {
      const text = `${failure}: ${writeReasonOf(cause)}`
      throw new ConnectorError('StorageFailed', text, { cause })
    }
  }

  async #read(fileName: string): Promise<void> {
    const { files, directory, schema, onDamage } = this.#options
    const path = join(directory, fileName)
    try {
      const bytes = await readSmallFile(files, path, MAX_FILE_BYTES)
      const isWhole = bytes !== undefined && bytes.length <= MAX_FILE_BYTES
      const resource = isWhole ? parseFile(schema, bytes.toString('utf8')) : undefined
      if (resource !== undefined && fileNameOf(resource.name) === fileName) {
        this.#resources.set(resource.name, resource)
      } else await this.#setAside(path)
    } catch (error) {
      onDamage(`${path} can’t be used: ${messageOf(error)}. What it defines is missing.`)
    }
  }

  async #setAside(path: string): Promise<void> {
    const { files, directory, now, onDamage } = this.#options
    const aside = `${path}.damaged-${now()}`
    await files.rename(path, aside)
    await files.syncDirectory(directory)
    onDamage(
      `${path} is damaged. It is now ${aside}, and what it defines is missing: create it again, or correct the file and rename it back while the connector is stopped.`,
    )
  }
}
