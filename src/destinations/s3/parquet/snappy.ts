/**
 * Compresses to Snappy's block format
 * (https://github.com/google/snappy/blob/main/format_description.txt).
 *
 * A block refers to itself alone, so that there can be a pause before each block.
 */
import { GrowingBuffer } from '../../rows/growing-buffer.ts'
import { writeVarint } from './thrift.ts'

const BLOCK_BYTES = 65_536
const TABLE_BITS = 14
const MIN_MATCH = 4
const MAX_COPY = 64
/** A match must end this far before the end, so that four bytes can be read anywhere. */
const MARGIN = 15

/** The largest result: incompressible input grows by the lengths of its literals. */
function boundOf(bytes: number): number {
  return 32 + bytes + Math.ceil(bytes / 6)
}

/** @param pause called before every block */
export async function snappyCompressed(
  input: Uint8Array,
  pause: () => Promise<void>,
): Promise<Uint8Array> {
  const out = new GrowingBuffer(boundOf(input.length))
  writeVarint(out, input.length)
  const table = new Uint16Array(1 << TABLE_BITS)
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  for (let start = 0; start < input.length; start += BLOCK_BYTES) {
    await pause()
    table.fill(0)
    new BlockWriter(input, view, out.bytes).write(start, out, table)
  }
  return out.content()
}

class BlockWriter {
  readonly #input: Uint8Array
  readonly #view: DataView
  readonly #target: Buffer
  #at = 0

  constructor(input: Uint8Array, view: DataView, target: Buffer) {
    this.#input = input
    this.#view = view
    this.#target = target
  }

  write(start: number, out: GrowingBuffer, table: Uint16Array): void {
    const end = Math.min(start + BLOCK_BYTES, this.#input.length)
    this.#at = out.length
    let literal = start
    let at = start + 1
    let misses = 32
    while (at < end - MARGIN) {
      const four = this.#view.getUint32(at, true)
      const slot = Math.imul(four, 0x1e35a7bd) >>> (32 - TABLE_BITS)
      const candidate = start + (table[slot] ?? 0)
      table[slot] = at - start
      if (candidate >= at || this.#view.getUint32(candidate, true) !== four) {
        // The longer nothing is found, the larger are the steps.
        at += misses++ >> 5
        continue
      }
      const length = this.#matchLength(candidate, at, end)
      this.#literal(literal, at)
      this.#copies(at - candidate, length)
      at += length
      literal = at
      misses = 32
    }
    this.#literal(literal, end)
    out.length = this.#at
  }

  #matchLength(candidate: number, at: number, end: number): number {
    const input = this.#input
    let length = MIN_MATCH
    while (at + length < end && input[candidate + length] === input[at + length]) length++
    return length
  }

  #literal(from: number, to: number): void {
    const length = to - from
    if (length === 0) return
    const target = this.#target
    if (length <= 60) target[this.#at++] = (length - 1) << 2
    else if (length <= 256) {
      target[this.#at++] = 60 << 2
      target[this.#at++] = length - 1
    } else {
      target[this.#at++] = 61 << 2
      target[this.#at++] = (length - 1) & 0xff
      target[this.#at++] = (length - 1) >> 8
    }
    target.set(this.#input.subarray(from, to), this.#at)
    this.#at += length
  }

  #copies(distance: number, length: number): void {
    let left = length
    while (left > 0) {
      const part = Math.min(left, MAX_COPY)
      const target = this.#target
      target[this.#at++] = ((part - 1) << 2) | 2
      target[this.#at++] = distance & 0xff
      target[this.#at++] = distance >> 8
      left -= part
    }
  }
}
