/**
 * How much of the disk the spool files of a destination may use. They are copies of messages that the
 * log has, so they must not take the room that the log needs for new messages.
 */
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConnectorError, writeReasonOf } from '../../../errors.ts'
import { formatSize } from '../../../units.ts'

const MIB = 1024 * 1024
/** Left free on the disk, for the log. */
const RESERVED_BYTES = 16 * MIB

export interface SpoolRoomOptions {
  readonly directory: string
  readonly maxBytes: number
  /** @param bytes negative when files are removed */
  readonly onGrown: (bytes: number) => void
  /** Bytes that are free in the directory's file system. */
  readonly freeBytes?: (directory: string) => Promise<number>
}

export class SpoolRoom {
  readonly #options: SpoolRoomOptions
  readonly #files = new Map<object, number>()
  #bytes = 0

  constructor(options: SpoolRoomOptions) {
    this.#options = options
  }

  grown(file: object, bytes: number): void {
    this.#files.set(file, (this.#files.get(file) ?? 0) + bytes)
    this.#bytes += bytes
    this.#options.onGrown(bytes)
  }

  removed(file: object): void {
    const bytes = this.#files.get(file) ?? 0
    this.#files.delete(file)
    this.#bytes -= bytes
    if (bytes > 0) this.#options.onGrown(-bytes)
  }

  /** A text if the disk has less room now than the files may use; the directory may not exist yet. */
  async shortage(): Promise<string | undefined> {
    const { directory, maxBytes, freeBytes = freeBytesOf } = this.#options
    for (const place of [directory, dirname(directory), dirname(dirname(directory))]) {
      const free = await freeBytes(place).catch(() => undefined)
      if (free === undefined) continue
      if (free >= maxBytes + RESERVED_BYTES) return undefined
      return `the disk of ${place} has ${shown(free)} left, and the files that objects are collected in may use ${formatSize(maxBytes)} of it ("spoolBytes"). If the disk gets full, objects wait. Free space on the disk, or lower "spoolBytes"`
    }
    return undefined
  }

  /**
   * Called while a file is being written. The oldest file may have any size, so that there is always
   * one that is finished, stored and removed.
   * @throws {ConnectorError} StorageFailed
   */
  async check(file: object): Promise<void> {
    const { directory, maxBytes, freeBytes = freeBytesOf } = this.#options
    const [oldest = file] = this.#files.keys()
    if (this.#bytes >= maxBytes && oldest !== file) {
      const text = `the files in ${directory}, which objects are collected in, have reached "spoolBytes" (${formatSize(maxBytes)}). The messages are kept until other objects have been stored`
      throw new ConnectorError('StorageFailed', text)
    }
    const free = await freeBytes(directory)
    if (free >= RESERVED_BYTES) return
    const text = `the disk of ${directory}, which objects are collected in, has ${shown(free)} left, and the last ${formatSize(RESERVED_BYTES)} are for the log. The messages are kept. Free space on the disk`
    throw new ConnectorError('StorageFailed', text)
  }
}

/** Without the digits that nobody needs. */
function shown(bytes: number): string {
  return formatSize(Math.floor(bytes / MIB) * MIB)
}

async function freeBytesOf(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory)
    return bavail * bsize
  } catch (error) {
    const text = `the free space of ${directory}: ${writeReasonOf(error)}`
    throw new ConnectorError('StorageFailed', text, { cause: error })
  }
}
