/** A finished Parquet file as the content of an object. */
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { ObjectFile } from '../../destinations/s3/object-file.ts'

const READ_BYTES = 256 * 1024

export class TableObject implements ObjectFile {
  readonly length: number
  /** Eight hexadecimal digits, as in the catalogue. */
  readonly crc32: string
  readonly #file: FileHandle
  readonly #sha256: string

  private constructor(file: FileHandle, sums: { length: number; crc32: string; sha256: string }) {
    this.#file = file
    this.length = sums.length
    this.crc32 = sums.crc32
    this.#sha256 = sums.sha256
  }

  /** Reads it once. @throws a system error if it can't be read */
  static async open(path: string): Promise<TableObject> {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      const hash = createHash('sha256')
      let sum = 0
      for await (const piece of pieces(file, 0, size)) {
        hash.update(piece)
        sum = crc32(piece, sum)
      }
      const text = sum.toString(16).padStart(8, '0')
      return new TableObject(file, { length: size, crc32: text, sha256: hash.digest('hex') })
    } catch (error) {
      await file.close()
      throw error
    }
  }

  sha256(): string {
    return this.#sha256
  }

  async sha256Of(start: number, end: number): Promise<string> {
    if (start === 0 && end === this.length) return this.#sha256
    const hash = createHash('sha256')
    for await (const piece of this.read(start, end)) hash.update(piece)
    return hash.digest('hex')
  }

  read(start: number, end: number): AsyncIterable<Buffer> {
    return pieces(this.#file, start, end)
  }

  async close(): Promise<void> {
    await this.#file.close().catch(() => {})
  }
}

async function* pieces(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(READ_BYTES, end - start)))
  let at = start
  while (at < end) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - at), at)
    if (bytesRead === 0) throw new Error('the file has become shorter')
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}
