/**
 * The file that an object is written to before it is uploaded. It holds nothing that is not in the log
 * too, so it is not synced, and one that a crash has left over is removed.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ConnectorError, writeReasonOf } from '../../../errors.ts'
import type { ByteSink } from './object-encoder.ts'
import type { SpoolRoom } from './spool-room.ts'

const ENDING = '.spool'
/** A read holds one such buffer. */
const READ_BYTES = 262_144

export class SpoolFile implements ByteSink {
  readonly path: string
  readonly #file: FileHandle
  readonly #room: SpoolRoom | undefined
  readonly #hash = createHash('sha256')
  #length = 0
  #sha256: string | undefined
  #isRemoved = false

  private constructor(path: string, file: FileHandle, room: SpoolRoom | undefined) {
    this.path = path
    this.#file = file
    this.#room = room
  }

  /** @throws {ConnectorError} StorageFailed */
  static async create(directory: string, name: string, room?: SpoolRoom): Promise<SpoolFile> {
    const path = join(directory, name + ENDING)
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      return new SpoolFile(path, await open(path, 'wx+', 0o600), room)
    } catch (error) {
      throw spoolFailed(path, error)
    }
  }

  get length(): number {
    return this.#length
  }

  /** @throws {ConnectorError} StorageFailed */
  async append(bytes: Uint8Array): Promise<void> {
    let written = 0
    try {
      while (written < bytes.length) {
        const { bytesWritten } = await this.#file.write(
          bytes,
          written,
          bytes.length - written,
          this.#length + written,
        )
        written += bytesWritten
      }
    } catch (error) {
      throw spoolFailed(this.path, error)
    }
    this.#hash.update(bytes)
    this.#length += bytes.length
    this.#room?.grown(this, bytes.length)
  }

  /** The SHA-256 of the content, in hexadecimal. Nothing is appended after it. */
  sha256(): string {
    this.#sha256 ??= this.#hash.digest('hex')
    return this.#sha256
  }

  /** The same of `[start, end)`. */
  async sha256Of(start: number, end: number): Promise<string> {
    if (start === 0 && end === this.#length) return this.sha256()
    const hash = createHash('sha256')
    for await (const bytes of this.read(start, end)) hash.update(bytes)
    return hash.digest('hex')
  }

  /**
   * The bytes `[start, end)`, piece by piece. A piece is valid until the next one is asked for: a
   * buffer for each would be tens of megabytes before they are collected.
   */
  async *read(start: number, end: number): AsyncGenerator<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - start))
    let at = start
    while (at < end) {
      const { bytesRead } = await this.#readAt(buffer.subarray(0, end - at), at)
      if (bytesRead === 0) throw spoolFailed(this.path, new Error('it has become shorter'))
      yield buffer.subarray(0, bytesRead)
      at += bytesRead
    }
  }

  async #readAt(piece: Buffer, at: number): Promise<{ readonly bytesRead: number }> {
    try {
      return await this.#file.read(piece, 0, piece.length, at)
    } catch (error) {
      throw spoolFailed(this.path, error)
    }
  }

  /** Closes and removes the file. Never fails: what is left is removed at the next start. */
  async remove(): Promise<void> {
    if (this.#isRemoved) return
    this.#isRemoved = true
    await this.#file.close().catch(() => {})
    await unlink(this.path).catch(() => {})
    this.#room?.removed(this)
  }
}

/** Removes the files that an earlier process has left. Ignores a directory that does not exist. */
export async function removeSpoolFiles(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    if (name.endsWith(ENDING)) await unlink(join(directory, name)).catch(() => {})
  }
}

function spoolFailed(path: string, cause: unknown): ConnectorError {
  return new ConnectorError(
    'StorageFailed',
    `the file ${path}, which objects are collected in before they are uploaded: ${writeReasonOf(cause)}. The messages are kept`,
    { cause },
  )
}
