/**
 * Writes Thrift's compact protocol, as far as the metadata of Parquet files need it
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
 */
import type { GrowingBuffer } from '../../rows/growing-buffer.ts'

const TRUE = 1
const FALSE = 2
const I32 = 5
const I64 = 6
const BINARY = 8
const LIST = 9
const STRUCT = 12

/** A number of seven bits in each byte, lowest first. */
export function writeVarint(out: GrowingBuffer, value: number): void {
  let rest = value
  while (rest >= 0x80) {
    out.writeByte((rest % 0x80) + 0x80)
    rest = Math.floor(rest / 0x80)
  }
  out.writeByte(rest)
}

/** The same of a signed number: 0, -1, 1, -2, … become 0, 1, 2, 3, … */
export function writeZigzag(out: GrowingBuffer, value: number): void {
  writeVarint(out, value < 0 ? -2 * value - 1 : 2 * value)
}

export function writeBytes(out: GrowingBuffer, bytes: Uint8Array): void {
  out.reserve(bytes.length)
  out.bytes.set(bytes, out.length)
  out.length += bytes.length
}

/** Fields of a structure are written in the order of their numbers. */
export class ThriftWriter {
  readonly #out: GrowingBuffer
  /** Of the structures around the current one, and at the end of it. */
  readonly #fields: number[] = [0]

  constructor(out: GrowingBuffer) {
    this.#out = out
  }

  i32(field: number, value: number): void {
    this.#field(field, I32)
    writeZigzag(this.#out, value)
  }

  i64(field: number, value: number): void {
    this.#field(field, I64)
    writeZigzag(this.#out, value)
  }

  bool(field: number, value: boolean): void {
    this.#field(field, value ? TRUE : FALSE)
  }

  binary(field: number, bytes: Uint8Array): void {
    this.#field(field, BINARY)
    this.#bytes(bytes)
  }

  text(field: number, text: string): void {
    this.binary(field, Buffer.from(text))
  }

  i32s(field: number, values: readonly number[]): void {
    this.#field(field, LIST)
    this.#list(I32, values.length)
    for (const value of values) writeZigzag(this.#out, value)
  }

  texts(field: number, values: readonly string[]): void {
    this.#field(field, LIST)
    this.#list(BINARY, values.length)
    for (const value of values) this.#bytes(Buffer.from(value))
  }

  struct(field: number, write: () => void): void {
    this.#field(field, STRUCT)
    this.root(write)
  }

  structs<T>(field: number, items: readonly T[], write: (item: T) => void): void {
    this.list(field, items.length)
    for (const item of items) this.root(() => write(item))
  }

  /** The beginning of a list of structures. They follow, each one as a `root`. */
  list(field: number, length: number): void {
    this.#field(field, LIST)
    this.#list(STRUCT, length)
  }

  /** A structure outside of all fields. */
  root(write: () => void): void {
    this.#fields.push(0)
    write()
    this.#fields.pop()
    this.#out.writeByte(0)
  }

  /** Structures that have been written before. */
  raw(bytes: Uint8Array): void {
    writeBytes(this.#out, bytes)
  }

  #field(field: number, type: number): void {
    const last = this.#fields.length - 1
    const step = field - (this.#fields[last] ?? 0)
    if (step > 0 && step <= 15) this.#out.writeByte(step * 16 + type)
    else {
      this.#out.writeByte(type)
      writeZigzag(this.#out, field)
    }
    this.#fields[last] = field
  }

  #list(type: number, length: number): void {
    if (length < 15) {
      this.#out.writeByte(length * 16 + type)
      return
    }
    this.#out.writeByte(0xf0 + type)
    writeVarint(this.#out, length)
  }

  #bytes(bytes: Uint8Array): void {
    writeVarint(this.#out, bytes.length)
    writeBytes(this.#out, bytes)
  }
}
