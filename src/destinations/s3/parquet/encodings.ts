/**
 * How values are written in pages
 * (https://github.com/apache/parquet-format/blob/master/Encodings.md).
 */
import type { GrowingBuffer } from '../../rows/growing-buffer.ts'
import { writeVarint, writeZigzag } from './thrift.ts'

/** The number of bits that every value up to `max` fits into. */
export function bitsFor(max: number): number {
  let bits = 0
  while (2 ** bits <= max) bits++
  return bits
}

/** Numbers of `width` bits one after another, lowest bit first. `width` is 40 at most. */
function writePacked(
  out: GrowingBuffer,
  values: ArrayLike<number>,
  { from, to, width }: { readonly from: number; readonly to: number; readonly width: number },
): void {
  out.reserve(Math.ceil(((to - from) * width) / 8) + 1)
  const { bytes } = out
  let at = out.length
  let pending = 0
  let pendingBits = 0
  for (let i = from; i < to; i++) {
    pending += (values[i] ?? 0) * 2 ** pendingBits
    pendingBits += width
    while (pendingBits >= 8) {
      bytes[at++] = pending % 256
      pending = Math.floor(pending / 256)
      pendingBits -= 8
    }
  }
  if (pendingBits > 0) bytes[at++] = pending
  out.length = at
}

/**
 * The hybrid of runs and packed numbers: one run if all of the `count` values are the same, else all
 * of them packed.
 */
export function writeHybrid(
  out: GrowingBuffer,
  values: ArrayLike<number>,
  count: number,
  width: number,
): void {
  if (count === 0) return
  if (areSame(values, count)) {
    writeVarint(out, count * 2)
    for (let bits = 0, rest = values[0] ?? 0; bits < width; bits += 8) {
      out.writeByte(rest % 256)
      rest = Math.floor(rest / 256)
    }
    return
  }
  // Values are packed eight by eight.
  const groups = Math.ceil(count / 8)
  writeVarint(out, groups * 2 + 1)
  const start = out.length
  writePacked(out, values, { from: 0, to: count, width })
  const end = start + groups * width
  out.reserve(end - out.length)
  out.bytes.fill(0, out.length, end)
  out.length = end
}

function areSame(values: ArrayLike<number>, count: number): boolean {
  for (let i = 1; i < count; i++) if (values[i] !== values[0]) return false
  return true
}

/** Bits, eight in each byte, lowest first. */
export function writeBits(out: GrowingBuffer, values: ArrayLike<number>, count: number): void {
  writePacked(out, values, { from: 0, to: count, width: 1 })
}

const BLOCK_VALUES = 128
const MINIBLOCK_VALUES = 32
const MINIBLOCKS = BLOCK_VALUES / MINIBLOCK_VALUES
/** Sums of values of this width are exact in a number. */
const MAX_WIDTH = 40
/** Twice as much is exact as well, as zigzag needs. */
const MAX_VALUE = 2 ** 52 - 1

/**
 * DELTA_BINARY_PACKED: the differences between neighbours. Returns false, and writes nothing, if
 * numbers are so large or so far from each other that they can't be calculated with exactly.
 */
export function writeDeltas(out: GrowingBuffer, values: readonly number[]): boolean {
  if (values.some((value) => Math.abs(value) > MAX_VALUE)) return false
  const start = out.length
  writeVarint(out, BLOCK_VALUES)
  writeVarint(out, MINIBLOCKS)
  writeVarint(out, values.length)
  writeZigzag(out, values[0] ?? 0)
  for (let from = 1; from < values.length; from += BLOCK_VALUES) {
    if (writeBlock(out, values.slice(from - 1, from + BLOCK_VALUES))) continue
    out.length = start
    return false
  }
  return true
}

/** @param values with the one before the block */
function writeBlock(out: GrowingBuffer, values: readonly number[]): boolean {
  const deltas = values.slice(1).map((value, index) => value - (values[index] ?? 0))
  const least = Math.min(...deltas)
  const widths: number[] = []
  for (let from = 0; from < deltas.length; from += MINIBLOCK_VALUES) {
    const most = Math.max(...deltas.slice(from, from + MINIBLOCK_VALUES))
    widths.push(bitsFor(most - least))
  }
  if (Math.abs(least) > MAX_VALUE || widths.some((width) => width > MAX_WIDTH)) return false
  writeZigzag(out, least)
  for (let i = 0; i < MINIBLOCKS; i++) out.writeByte(widths[i] ?? 0)
  // The last miniblock is filled up with zeros.
  const above = new Array<number>(widths.length * MINIBLOCK_VALUES).fill(0)
  for (const [index, delta] of deltas.entries()) above[index] = delta - least
  for (const [index, width] of widths.entries()) {
    const from = index * MINIBLOCK_VALUES
    writePacked(out, above, { from, to: from + MINIBLOCK_VALUES, width })
  }
  return true
}
