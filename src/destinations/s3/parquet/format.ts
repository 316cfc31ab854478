/**
 * Structures of Parquet files: page headers, row groups and the footer
 * (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
 */
import type { GrowingBuffer } from '../../rows/growing-buffer.ts'
import { ThriftWriter } from './thrift.ts'

export const TYPE = { boolean: 0, int64: 2, double: 5, bytes: 6 } as const
export type PhysicalType = (typeof TYPE)[keyof typeof TYPE]

export const CONVERTED = { utf8: 0, timestampMicros: 10 } as const

export const ENCODING = { plain: 0, rle: 3, deltaBinaryPacked: 5, rleDictionary: 8 } as const
export type Encoding = (typeof ENCODING)[keyof typeof ENCODING]

export const CODEC = { none: 0, snappy: 1, gzip: 2 } as const
export type CodecNumber = (typeof CODEC)[keyof typeof CODEC]

const DICTIONARY_PAGE = 2
const DATA_PAGE_V2 = 3
/** Minimum and maximum are in the order that the column's type defines. */
const TYPE_DEFINED_ORDER = 1
const VERSION = 2

export interface ColumnSchema {
  readonly name: string
  readonly type: PhysicalType
  readonly converted?: (typeof CONVERTED)[keyof typeof CONVERTED]
  readonly isOptional: boolean
}

export interface Statistics {
  readonly nulls: number
  readonly min?: Uint8Array | undefined
  readonly max?: Uint8Array | undefined
}

/** The values of one column in one row group, as they are in the file. Offsets are in the file. */
export interface ColumnChunk {
  readonly schema: ColumnSchema
  readonly encodings: readonly Encoding[]
  readonly codec: CodecNumber
  readonly rows: number
  readonly rawBytes: number
  readonly bytes: number
  readonly dictionaryAt: number | undefined
  readonly dataAt: number
  readonly statistics: Statistics
}

export function writeDictionaryHeader(
  out: GrowingBuffer,
  page: { readonly rawBytes: number; readonly bytes: number; readonly values: number },
): void {
  const thrift = new ThriftWriter(out)
  thrift.root(() => {
    thrift.i32(1, DICTIONARY_PAGE)
    thrift.i32(2, page.rawBytes)
    thrift.i32(3, page.bytes)
    thrift.struct(7, () => {
      thrift.i32(1, page.values)
      thrift.i32(2, ENCODING.plain)
    })
  })
}

export interface DataPage {
  /** With the levels, which are never compressed. */
  readonly rawBytes: number
  readonly bytes: number
  readonly rows: number
  readonly nulls: number
  readonly encoding: Encoding
  readonly levelBytes: number
  readonly isCompressed: boolean
}

export function writeDataHeader(out: GrowingBuffer, page: DataPage): void {
  const thrift = new ThriftWriter(out)
  thrift.root(() => {
    thrift.i32(1, DATA_PAGE_V2)
    thrift.i32(2, page.rawBytes)
    thrift.i32(3, page.bytes)
    thrift.struct(8, () => {
      thrift.i32(1, page.rows)
      thrift.i32(2, page.nulls)
      thrift.i32(3, page.rows)
      thrift.i32(4, page.encoding)
      thrift.i32(5, page.levelBytes)
      thrift.i32(6, 0)
      thrift.bool(7, page.isCompressed)
    })
  })
}

export function writeRowGroup(
  out: GrowingBuffer,
  group: { readonly chunks: readonly ColumnChunk[]; readonly rows: number },
): void {
  const thrift = new ThriftWriter(out)
  thrift.root(() => {
    thrift.structs(1, group.chunks, (chunk) => writeChunk(thrift, chunk))
    thrift.i64(2, sum(group.chunks.map(({ rawBytes }) => rawBytes)))
    thrift.i64(3, group.rows)
    thrift.i64(6, sum(group.chunks.map(({ bytes }) => bytes)))
  })
}

function writeChunk(thrift: ThriftWriter, chunk: ColumnChunk): void {
  const { schema, dictionaryAt, dataAt, statistics } = chunk
  thrift.i64(2, dictionaryAt ?? dataAt)
  thrift.struct(3, () => {
    thrift.i32(1, schema.type)
    thrift.i32s(2, chunk.encodings)
    thrift.texts(3, [schema.name])
    thrift.i32(4, chunk.codec)
    thrift.i64(5, chunk.rows)
    thrift.i64(6, chunk.rawBytes)
    thrift.i64(7, chunk.bytes)
    thrift.i64(9, dataAt)
    if (dictionaryAt !== undefined) thrift.i64(11, dictionaryAt)
    thrift.struct(12, () => {
      thrift.i64(3, statistics.nulls)
      if (statistics.max !== undefined) thrift.binary(5, statistics.max)
      if (statistics.min !== undefined) thrift.binary(6, statistics.min)
    })
  })
}

export interface Footer {
  readonly columns: readonly ColumnSchema[]
  readonly rows: number
  readonly groups: number
  /** Row groups, as `writeRowGroup` has written them. */
  readonly groupBytes: Uint8Array
  readonly createdBy: string
}

export function writeFooter(out: GrowingBuffer, footer: Footer): void {
  const { columns } = footer
  const thrift = new ThriftWriter(out)
  thrift.root(() => {
    thrift.i32(1, VERSION)
    thrift.list(2, columns.length + 1)
    thrift.root(() => {
      thrift.text(4, 'root')
      thrift.i32(5, columns.length)
    })
    for (const { name, type, converted, isOptional } of columns) {
      thrift.root(() => {
        thrift.i32(1, type)
        thrift.i32(3, isOptional ? 1 : 0)
        thrift.text(4, name)
        if (converted !== undefined) thrift.i32(6, converted)
        if (converted === CONVERTED.timestampMicros) writeUtcMicros(thrift)
      })
    }
    thrift.i64(3, footer.rows)
    thrift.list(4, footer.groups)
    thrift.raw(footer.groupBytes)
    thrift.text(6, footer.createdBy)
    thrift.structs(7, columns, () => thrift.struct(TYPE_DEFINED_ORDER, () => {}))
  })
}

/** The logical type: without it, DuckDB takes the time for one without a zone. */
function writeUtcMicros(thrift: ThriftWriter): void {
  const isUtc = 1
  const unit = 2
  const micros = 2
  thrift.struct(10, () =>
    thrift.struct(8, () => {
      thrift.bool(isUtc, true)
      thrift.struct(unit, () => thrift.struct(micros, () => {}))
    }),
  )
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
