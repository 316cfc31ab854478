/**
 * Rows of JSON, one on a line, compressed with gzip (RFC 1952) as one member.
 *
 *     rows ─▶ blocks of half a MiB ─▶ deflated alone, by a thread ─▶ file
 *
 * A block ends where its rows exceed the size, so that the bytes do not depend on when they are
 * written. It begins with an empty window and ends on a byte boundary (Z_SYNC_FLUSH), so deflated
 * blocks can stand one after another.
 */
import { promisify } from 'node:util'
import { constants, crc32, deflateRaw, type ZlibOptions } from 'node:zlib'
import type { Message } from '../../../message.ts'
import { GrowingBuffer } from '../../rows/growing-buffer.ts'
import type { RowOrigin } from '../../rows/message-writer.ts'
import type { RowWriter } from '../../rows/row-writer.ts'
import type { ByteSink, ObjectEncoder } from './object-encoder.ts'

const BLOCK_BYTES = 524_288
/** Room for the row that exceeds the size. */
const SPARE_BYTES = 65_536
const LINE_END = 0x0a
/** Deflate, no name, no time, unknown system: the same for every object. */
const HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
/** An empty last block. */
const DEFLATE_END = Buffer.from([3, 0])

const deflate = promisify<Buffer, ZlibOptions, Buffer>(deflateRaw)

export interface GzipLinesOptions {
  readonly rows: RowWriter
  readonly origin: RowOrigin
  /** 1 to 9 */
  readonly level: number
  readonly sink: ByteSink
}

export class GzipLines implements ObjectEncoder {
  readonly typeConflicts = 0
  readonly conflictColumns = []
  readonly #options: GzipLinesOptions
  readonly #full: GrowingBuffer[] = []
  #block = new GrowingBuffer(BLOCK_BYTES + SPARE_BYTES)
  #spare: GrowingBuffer | undefined
  #rows = 0
  #hasHead = false
  #crc = 0
  /** Modulo 2^32, as gzip counts. */
  #length = 0

  constructor(options: GzipLinesOptions) {
    this.#options = options
  }

  get rows(): number {
    return this.#rows
  }

  add(message: Message): void {
    const block = this.#block
    this.#options.rows.write(block, this.#options.origin, message)
    block.writeByte(LINE_END)
    this.#rows++
    if (block.length < BLOCK_BYTES) return
    this.#full.push(block)
    this.#block = this.#spare ?? new GrowingBuffer(BLOCK_BYTES + SPARE_BYTES)
    this.#spare = undefined
  }

  async flush(): Promise<void> {
    for (;;) {
      const block = this.#full[0]
      if (block === undefined) return
      await this.#write(block)
      this.#full.shift()
      block.clear()
      this.#spare = block
    }
  }

  async finish(): Promise<void> {
    await this.flush()
    if (this.#block.length > 0) await this.#write(this.#block)
    this.#block.clear()
    const end = Buffer.alloc(8)
    end.writeUInt32LE(this.#crc, 0)
    end.writeUInt32LE(this.#length, 4)
    await this.#options.sink.append(Buffer.concat([DEFLATE_END, end]))
  }

  async #write(block: GrowingBuffer): Promise<void> {
    const { sink, level } = this.#options
    const content = block.content()
    const deflated = await deflate(content, {
      level,
      finishFlush: constants.Z_SYNC_FLUSH,
      chunkSize: BLOCK_BYTES / 4,
    })
    if (!this.#hasHead) await sink.append(HEAD)
    this.#hasHead = true
    await sink.append(deflated)
    this.#crc = crc32(content, this.#crc)
    this.#length = (this.#length + content.length) >>> 0
  }
}
