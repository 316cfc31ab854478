/**
 * The values of one column in one row group. They are encoded as they are added, so that a row costs
 * no object, and the end of a row group takes little time.
 */
import { GrowingBuffer } from '../../rows/growing-buffer.ts'
import { bitsFor, writeBits, writeDeltas, writeHybrid } from './encodings.ts'
import {
  CONVERTED,
  type ColumnSchema,
  ENCODING,
  type Encoding,
  type Statistics,
  TYPE,
} from './format.ts'

/** What a column chunk consists of, before compression. Valid until the column is cleared. */
export interface EncodedColumn {
  readonly schema: ColumnSchema
  readonly dictionary?: { readonly bytes: Uint8Array; readonly values: number }
  /** Which rows have a value; empty if all must have one. */
  readonly levels: Uint8Array
  readonly encoding: Encoding
  readonly values: Uint8Array
  readonly statistics: Statistics
}

export interface Column {
  readonly schema: ColumnSchema
  /** @param rows the number of rows in the row group, at least 1 */
  encoded(rows: number): EncodedColumn
  clear(): void
}

const NO_BYTES = new Uint8Array(0)
const FIRST_BYTES = 1_024
const INITIAL_ROWS = 1_024

/** A column of texts that occur again and again: each text once, and a number for each row. */
export class DictionaryColumn implements Column {
  readonly schema: ColumnSchema
  readonly #numbers = new Map<string, number>()
  readonly #dictionary = new GrowingBuffer(FIRST_BYTES)
  readonly #values = new GrowingBuffer(FIRST_BYTES)
  #rows: number[] = []
  #text: string | undefined
  #number = 0

  constructor(name: string) {
    this.schema = { name, type: TYPE.bytes, converted: CONVERTED.utf8, isOptional: false }
  }

  add(text: string): void {
    if (text !== this.#text) this.#look(text)
    this.#rows.push(this.#number)
  }

  #look(text: string): void {
    const known = this.#numbers.get(text)
    this.#text = text
    this.#number = known ?? this.#numbers.size
    if (known !== undefined) return
    this.#numbers.set(text, this.#number)
    writeText(this.#dictionary, text)
  }

  encoded(): EncodedColumn {
    const width = bitsFor(this.#numbers.size - 1)
    this.#values.clear()
    this.#values.writeByte(width)
    writeHybrid(this.#values, this.#rows, this.#rows.length, width)
    const texts = Array.from(this.#numbers.keys(), (text) => Buffer.from(text))
    texts.sort(Buffer.compare)
    return {
      schema: this.schema,
      dictionary: { bytes: this.#dictionary.content(), values: this.#numbers.size },
      levels: NO_BYTES,
      encoding: ENCODING.rleDictionary,
      values: this.#values.content(),
      statistics: { nulls: 0, min: texts[0], max: texts.at(-1) },
    }
  }

  clear(): void {
    this.#numbers.clear()
    this.#dictionary.clear()
    this.#rows = []
    this.#text = undefined
  }
}

/** A column with the same text in every row. */
export class ConstantColumn implements Column {
  readonly schema: ColumnSchema
  readonly #text: Buffer
  readonly #dictionary = new GrowingBuffer(FIRST_BYTES)
  readonly #values = new GrowingBuffer(FIRST_BYTES)

  constructor(name: string, text: string) {
    this.schema = { name, type: TYPE.bytes, converted: CONVERTED.utf8, isOptional: false }
    this.#text = Buffer.from(text)
    writeText(this.#dictionary, text)
  }

  encoded(rows: number): EncodedColumn {
    this.#values.clear()
    this.#values.writeByte(0)
    writeHybrid(this.#values, new Uint8Array(rows), rows, 0)
    return {
      schema: this.schema,
      dictionary: { bytes: this.#dictionary.content(), values: 1 },
      levels: NO_BYTES,
      encoding: ENCODING.rleDictionary,
      values: this.#values.content(),
      statistics: { nulls: 0, min: this.#text, max: this.#text },
    }
  }

  clear(): void {}
}

/** Whole numbers that mostly grow by little from row to row. */
export class CountingColumn implements Column {
  readonly schema: ColumnSchema
  /** What the numbers are multiplied with in the file. */
  readonly #factor: number
  readonly #out = new GrowingBuffer(FIRST_BYTES)
  #numbers: number[] = []

  constructor(schema: Pick<ColumnSchema, 'name' | 'converted'>, factor = 1) {
    this.schema = { ...schema, type: TYPE.int64, isOptional: false }
    this.#factor = factor
  }

  add(value: number): void {
    this.#numbers.push(value)
  }

  encoded(): EncodedColumn {
    const numbers = this.#numbers
    const factor = this.#factor
    this.#out.clear()
    const isSmall = writeDeltas(
      this.#out,
      factor === 1 ? numbers : numbers.map((value) => value * factor),
    )
    if (!isSmall) for (const value of numbers) writeBigint(this.#out, this.#bigint(value))
    let min = numbers[0] ?? 0
    let max = min
    for (const value of numbers) {
      if (value < min) min = value
      if (value > max) max = value
    }
    return {
      schema: this.schema,
      levels: NO_BYTES,
      encoding: isSmall ? ENCODING.deltaBinaryPacked : ENCODING.plain,
      values: this.#out.content(),
      statistics: { nulls: 0, min: this.#bytesOf(min), max: this.#bytesOf(max) },
    }
  }

  clear(): void {
    this.#numbers = []
  }

  #bigint(value: number): bigint {
    return BigInt(value) * BigInt(this.#factor)
  }

  #bytesOf(value: number): Buffer {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(this.#bigint(value))
    return bytes
  }
}

function writeBigint(out: GrowingBuffer, value: bigint): void {
  out.reserve(8)
  out.bytes.writeBigInt64LE(value, out.length)
  out.length += 8
}

/** Texts or bytes one after another, each with its length before it. */
export class BytesColumn implements Column {
  readonly schema: ColumnSchema
  readonly #values: GrowingBuffer
  readonly #presence = new Presence()

  constructor(schema: Omit<ColumnSchema, 'type'>, bytes = FIRST_BYTES) {
    this.schema = { ...schema, type: TYPE.bytes }
    this.#values = new GrowingBuffer(bytes)
  }

  add(row: number, text: string): void {
    this.#presence.add(row)
    writeText(this.#values, text)
  }

  addBytes(row: number, source: Buffer, start: number, stop: number): void {
    this.#presence.add(row)
    const length = stop - start
    const out = this.#values
    out.reserve(length + 4)
    out.bytes.writeUInt32LE(length, out.length)
    source.copy(out.bytes, out.length + 4, start, stop)
    out.length += length + 4
  }

  encoded(rows: number): EncodedColumn {
    const { schema } = this
    return {
      schema,
      levels: schema.isOptional ? this.#presence.levels(rows) : NO_BYTES,
      encoding: ENCODING.plain,
      values: this.#values.content(),
      statistics: { nulls: rows - this.#presence.count },
    }
  }

  clear(): void {
    this.#values.clear()
    this.#presence.clear()
  }
}

/** Numbers that not every row has, as doubles or as whole numbers of 64 bits. */
export class NumberColumn implements Column {
  readonly schema: ColumnSchema
  readonly #values = new GrowingBuffer(FIRST_BYTES)
  readonly #presence = new Presence()
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY

  constructor(name: string, type: typeof TYPE.double | typeof TYPE.int64) {
    this.schema = { name, type, isOptional: true }
  }

  /** @param value not NaN; for whole numbers one that a double holds exactly */
  add(row: number, value: number): void {
    this.#presence.add(row)
    const out = this.#values
    out.reserve(8)
    this.#write(out.bytes, value, out.length)
    out.length += 8
    if (value < this.#min) this.#min = value
    if (value > this.#max) this.#max = value
  }

  encoded(rows: number): EncodedColumn {
    const { count } = this.#presence
    // Readers may take -0 for less than 0, so a bound of 0 includes both.
    const bounds =
      count === 0 ? {} : { min: this.#bound(this.#min || -0), max: this.#bound(this.#max || 0) }
    return {
      schema: this.schema,
      levels: this.#presence.levels(rows),
      encoding: ENCODING.plain,
      values: this.#values.content(),
      statistics: { nulls: rows - count, ...bounds },
    }
  }

  clear(): void {
    this.#values.clear()
    this.#presence.clear()
    this.#min = Number.POSITIVE_INFINITY
    this.#max = Number.NEGATIVE_INFINITY
  }

  #bound(value: number): Buffer {
    const bytes = Buffer.alloc(8)
    this.#write(bytes, value, 0)
    return bytes
  }

  #write(target: Buffer, value: number, at: number): void {
    if (this.schema.type === TYPE.double) target.writeDoubleLE(value, at)
    else {
      const high = Math.floor(value / 0x1_0000_0000)
      target.writeUInt32LE(value - high * 0x1_0000_0000, at)
      target.writeInt32LE(high, at + 4)
    }
  }
}

/** True and false. */
export class FlagColumn implements Column {
  readonly schema: ColumnSchema
  readonly #out = new GrowingBuffer(FIRST_BYTES)
  readonly #presence = new Presence()
  #flags: number[] = []

  constructor(name: string) {
    this.schema = { name, type: TYPE.boolean, isOptional: true }
  }

  add(row: number, value: boolean): void {
    this.#presence.add(row)
    this.#flags.push(value ? 1 : 0)
  }

  encoded(rows: number): EncodedColumn {
    this.#out.clear()
    writeBits(this.#out, this.#flags, this.#flags.length)
    return {
      schema: this.schema,
      levels: this.#presence.levels(rows),
      encoding: ENCODING.plain,
      values: this.#out.content(),
      statistics: { nulls: rows - this.#presence.count },
    }
  }

  clear(): void {
    this.#flags = []
    this.#presence.clear()
  }
}

/** Which rows have a value. */
class Presence {
  readonly #out = new GrowingBuffer(FIRST_BYTES)
  #rows = new Uint8Array(INITIAL_ROWS)
  count = 0

  /** Each row once, in ascending order. */
  add(row: number): void {
    if (row >= this.#rows.length) this.#grow(row + 1)
    this.#rows[row] = 1
    this.count++
  }

  levels(rows: number): Uint8Array {
    if (rows > this.#rows.length) this.#grow(rows)
    this.#out.clear()
    writeHybrid(this.#out, this.#rows, rows, 1)
    return this.#out.content()
  }

  clear(): void {
    this.#rows.fill(0)
    this.count = 0
  }

  #grow(rows: number): void {
    const larger = new Uint8Array(Math.max(rows, this.#rows.length * 2))
    larger.set(this.#rows)
    this.#rows = larger
  }
}

/** In UTF-8, with its length before it. */
function writeText(out: GrowingBuffer, text: string): void {
  out.reserve(text.length * 3 + 4)
  const { bytes } = out
  const start = out.length + 4
  let end = start
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) {
      end = start + bytes.write(text, start)
      break
    }
    bytes[end++] = code
  }
  bytes.writeUInt32LE(end - start, out.length)
  out.length = end
}
