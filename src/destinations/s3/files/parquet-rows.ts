/**
 * Messages as a Parquet file (https://parquet.apache.org/docs/file-format/), row group by row group,
 * so that a large file needs little memory. Columns are those of every row, and typed columns from
 * JSON payloads. `payload` is text and `payload_bytes` is all else; one of them is NULL.
 */
import { gzipSync } from 'node:zlib'
import type { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { Message } from '../../../message.ts'
import type { RowOrigin } from '../../rows/message-writer.ts'
import type { ColumnsOption, ColumnType } from './column-options.ts'
import type { ByteSink, ObjectEncoder } from './object-encoder.ts'
import { RowGroup } from './row-group.ts'
import { type TakenColumn, TypedColumns } from './typed-columns.ts'

export type ParquetPackage = Pick<typeof import('hyparquet-writer'), 'ByteWriter' | 'ParquetWriter'>
type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]['schema'][number]
type Column = Parameters<ParquetWriter['write']>[0]['columnData'][number]

export interface ParquetRowsOptions {
  readonly parquet: ParquetPackage
  readonly connectorId: string
  readonly origin: RowOrigin
  readonly columns: ColumnsOption
  readonly codec: 'gzip' | 'snappy'
  /** Of gzip, 1 to 9. */
  readonly level: number
  readonly sink: ByteSink
}

/** In the file's metadata. Without a version, so that another release writes the same bytes. */
const CREATED_BY = 'iot-analytics-connector'
const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8' } as const
const REQUIRED = { repetition_type: 'REQUIRED' } as const
const OPTIONAL = { repetition_type: 'OPTIONAL' } as const

const ROW_SCHEMA: readonly SchemaElement[] = [
  { name: 'connector', ...TEXT, ...REQUIRED },
  { name: 'channel', ...TEXT, ...REQUIRED },
  { name: 'log_id', ...TEXT, ...REQUIRED },
  { name: 'offset', type: 'INT64', ...REQUIRED },
  { name: 'arrival_time', type: 'INT64', converted_type: 'TIMESTAMP_MICROS', ...REQUIRED },
  { name: 'topic', ...TEXT, ...REQUIRED },
  { name: 'message_id', ...TEXT, ...REQUIRED },
  { name: 'content_type', ...TEXT, ...REQUIRED },
  { name: 'payload', ...TEXT, ...OPTIONAL },
  { name: 'payload_bytes', type: 'BYTE_ARRAY', ...OPTIONAL },
]

const TYPES: Readonly<Record<ColumnType, Omit<SchemaElement, 'name'>>> = {
  double: { type: 'DOUBLE' },
  int64: { type: 'INT64' },
  boolean: { type: 'BOOLEAN' },
  string: TEXT,
}

export class ParquetRows implements ObjectEncoder {
  readonly #options: ParquetRowsOptions
  readonly #typed: TypedColumns
  readonly #buffer: ByteWriter
  readonly #full: { readonly group: RowGroup; readonly typed: readonly TakenColumn[] }[] = []
  #group = new RowGroup()
  #writer: ParquetWriter | undefined
  #rows = 0
  #isFinished = false

  constructor(options: ParquetRowsOptions) {
    this.#options = options
    this.#typed = new TypedColumns(options.columns)
    this.#buffer = new options.parquet.ByteWriter()
  }

  get rows(): number {
    return this.#rows
  }

  get typeConflicts(): number {
    return this.#typed.conflicts
  }

  add(message: Message): void {
    this.#group.add(message, this.#typed)
    this.#rows++
    if (this.#group.isFull) this.#endGroup()
  }

  async flush(): Promise<void> {
    // If writing failed the last time, some bytes still wait.
    await this.#writeBytes()
    for (;;) {
      const next = this.#full.shift()
      if (next === undefined) return
      await this.#writeGroup(next.group, next.typed)
      await this.#writeBytes()
    }
  }

  async finish(): Promise<void> {
    if (this.#group.rows > 0) this.#endGroup()
    await this.flush()
    if (!this.#isFinished) {
      this.#isFinished = true
      this.#writer ??= this.#newWriter([])
      await this.#writer.finish()
    }
    await this.#writeBytes()
  }

  #endGroup(): void {
    const group = this.#group
    this.#full.push({ group, typed: this.#typed.take(group.rows) })
    this.#group = new RowGroup()
  }

  #newWriter(typed: readonly TakenColumn[]): ParquetWriter {
    const { parquet, codec, level } = this.#options
    const columns = typed.map(({ name, type }) => ({ name, ...TYPES[type], ...OPTIONAL }))
    const fields = [...ROW_SCHEMA, ...columns]
    return new parquet.ParquetWriter({
      writer: this.#buffer,
      schema: [{ name: 'root', num_children: fields.length }, ...fields],
      codec: codec === 'gzip' ? 'GZIP' : 'SNAPPY',
      compressors: { GZIP: (bytes) => gzipSync(bytes, { level }) },
      createdBy: CREATED_BY,
    })
  }

  async #writeGroup(group: RowGroup, typed: readonly TakenColumn[]): Promise<void> {
    const { connectorId, origin } = this.#options
    const same = (text: string) => new Array<string>(group.rows).fill(text)
    const plain = (name: string, data: Column['data']): Column => ({
      name,
      data,
      encoding: 'PLAIN',
      statistics: false,
    })
    const columnData: Column[] = [
      { name: 'connector', data: same(connectorId) },
      { name: 'channel', data: same(origin.channel) },
      { name: 'log_id', data: same(origin.logId) },
      { name: 'offset', data: group.offsets, encoding: 'DELTA_BINARY_PACKED' },
      { name: 'arrival_time', data: group.arrivalTimes, encoding: 'DELTA_BINARY_PACKED' },
      { name: 'topic', data: group.topics },
      plain('message_id', group.messageIds),
      { name: 'content_type', data: group.contentTypes },
      plain('payload', group.texts()),
      plain('payload_bytes', group.binaries()),
      ...typed.map(({ name, values }) => ({ name, data: [...values] })),
    ]
    this.#writer ??= this.#newWriter(typed)
    await this.#writer.write({ columnData, rowGroupSize: group.rows })
  }

  async #writeBytes(): Promise<void> {
    if (this.#buffer.index === 0) return
    await this.#options.sink.append(this.#buffer.getBytes())
    this.#buffer.index = 0
  }
}
