/**
 * Writes a Parquet file row group by row group (https://parquet.apache.org/docs/file-format/):
 *
 *     PAR1 │ row group: column chunk, column chunk, … │ row group … │ footer, its length │ PAR1
 *
 * A column chunk is a dictionary page, if it has one, and one data page (version 2). Threads compress
 * the pages, so that the event loop goes on after every column.
 */
import { setImmediate as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip, type ZlibOptions } from 'node:zlib'
import { GrowingBuffer } from '../../rows/growing-buffer.ts'
import type { Column, EncodedColumn } from './columns.ts'
import {
  CODEC,
  type CodecNumber,
  type ColumnChunk,
  type ColumnSchema,
  ENCODING,
  writeDataHeader,
  writeDictionaryHeader,
  writeFooter,
  writeRowGroup,
} from './format.ts'
import { snappyCompressed } from './snappy.ts'
import { writeBytes } from './thrift.ts'

const gzipped = promisify<Uint8Array, ZlibOptions, Uint8Array>(gzip)

const MARK = Buffer.from('PAR1')
/** In the file's metadata. Without a version, so that another release writes the same bytes. */
const CREATED_BY = 'iot-analytics-connector'
/** Compression of less does not pay. */
const MIN_COMPRESSED_BYTES = 512
const FIRST_BYTES = 65_536
/** A row group's buffer that is larger is let go of. */
const MAX_KEPT_BYTES = 1_048_576
const GZIP_CHUNK_BYTES = 131_072

export interface ParquetFileOptions {
  readonly codec: 'gzip' | 'snappy'
  /** Of gzip, 1 to 9. */
  readonly level: number
  /** Nothing is appended if it fails. The bytes may be used again once it has resolved. */
  readonly append: (bytes: Uint8Array) => Promise<void>
}

export class ParquetFile {
  readonly #options: ParquetFileOptions
  /** The end of the file, not yet appended. */
  readonly #out = new GrowingBuffer(FIRST_BYTES)
  /** Bytes that have been appended. */
  #appended = 0
  readonly #groups = new GrowingBuffer(FIRST_BYTES)
  #groupCount = 0
  #rows = 0
  #isFinished = false

  constructor(options: ParquetFileOptions) {
    this.#options = options
    writeBytes(this.#out, MARK)
  }

  /** Encodes a row group. It is written by `flush`. If it fails, it can be called again. */
  async add(columns: readonly Column[], rows: number): Promise<void> {
    const start = this.#out.length
    try {
      const chunks: ColumnChunk[] = []
      for (const column of columns) chunks.push(await this.#addColumn(column, rows))
      writeRowGroup(this.#groups, { chunks, rows })
      this.#groupCount++
      this.#rows += rows
    } catch (error) {
      this.#out.length = start
      throw error
    }
  }

  /** Appends what has been encoded. If it fails, it can be called again. */
  async flush(): Promise<void> {
    const bytes = this.#out.content()
    if (bytes.length === 0) return
    await this.#options.append(bytes)
    this.#appended += bytes.length
    this.#out.clear(MAX_KEPT_BYTES)
  }

  /** Encodes the footer, once. */
  finish(columns: readonly ColumnSchema[]): void {
    if (this.#isFinished) return
    this.#isFinished = true
    const out = this.#out
    const start = out.length
    writeFooter(out, {
      columns,
      rows: this.#rows,
      groups: this.#groupCount,
      groupBytes: this.#groups.content(),
      createdBy: CREATED_BY,
    })
    const length = Buffer.alloc(4)
    length.writeUInt32LE(out.length - start)
    writeBytes(out, length)
    writeBytes(out, MARK)
  }

  get #end(): number {
    return this.#appended + this.#out.length
  }

  async #addColumn(column: Column, rows: number): Promise<ColumnChunk> {
    const encoded = column.encoded(rows)
    const { schema, dictionary, levels, values, encoding, statistics } = encoded
    const codec = this.#codecOf(encoded)
    const start = this.#end
    let rawBytes = 0
    if (dictionary !== undefined) {
      const page = await this.#compressed(dictionary.bytes, codec)
      const raw = dictionary.bytes.length
      const { values: count } = dictionary
      const header = { rawBytes: raw, bytes: page.length, values: count }
      rawBytes += this.#addPage(raw, [page], () => writeDictionaryHeader(this.#out, header))
    }
    const dataAt = this.#end
    const page = await this.#compressed(values, codec)
    const raw = levels.length + values.length
    const header = {
      rawBytes: raw,
      bytes: levels.length + page.length,
      rows,
      nulls: statistics.nulls,
      encoding,
      levelBytes: levels.length,
      isCompressed: codec !== CODEC.none,
    }
    rawBytes += this.#addPage(raw, [levels, page], () => writeDataHeader(this.#out, header))
    return {
      schema,
      encodings:
        dictionary === undefined
          ? [encoding, ENCODING.rle]
          : [ENCODING.plain, encoding, ENCODING.rle],
      codec,
      rows,
      rawBytes,
      bytes: this.#end - start,
      dictionaryAt: dictionary === undefined ? undefined : start,
      dataAt,
      statistics,
    }
  }

  /** Returns the page's size before compression, with its header. */
  #addPage(rawBytes: number, parts: readonly Uint8Array[], writeHeader: () => void): number {
    const start = this.#out.length
    writeHeader()
    const headerBytes = this.#out.length - start
    for (const part of parts) writeBytes(this.#out, part)
    return headerBytes + rawBytes
  }

  #codecOf({ dictionary, values }: EncodedColumn): CodecNumber {
    const bytes = values.length + (dictionary?.bytes.length ?? 0)
    return bytes < MIN_COMPRESSED_BYTES ? CODEC.none : CODEC[this.#options.codec]
  }

  #compressed(bytes: Uint8Array, codec: CodecNumber): Promise<Uint8Array> {
    if (codec === CODEC.none) return Promise.resolve(bytes)
    if (codec === CODEC.snappy) return snappyCompressed(bytes, pause)
    return gzipped(bytes, { level: this.#options.level, chunkSize: GZIP_CHUNK_BYTES })
  }
}
