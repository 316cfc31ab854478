/**
 * Tells where in a segment an offset or a time is, with one entry for about every 64 KB of frames.
 * The index of the active segment is kept while writing; that of a sealed segment is read from its
 * `.idx` file when it is first needed.
 *
 *      0  magic         'IAX1'
 *      4  crc           CRC-32 of everything that follows
 *      8  segmentBytes  length of the sealed .log file (48 bits)
 *     14  end           offset after the segment's last record (48 bits)
 *     20  newest        newest receivedAt in the segment (48 bits)
 *     26  entries, 18 bytes each:
 *           offset      of the first record of the frame (48 bits)
 *           position    of that frame in the .log file (48 bits)
 *           newest      newest receivedAt before that frame (48 bits)
 *
 * It holds nothing that a scan of the segment does not find, so a lost or damaged index is rebuilt.
 */
import { crc32 } from 'node:zlib'
import type { FrameHeader } from './frame.ts'

const MAGIC = 0x31584149
const HEADER_BYTES = 26
const ENTRY_BYTES = 18
const ENTRY_EVERY_BYTES = 64 * 1024

/** Bytes that no index of a segment of this length exceeds. */
export function maxIndexBytes(segmentBytes: number): number {
  return HEADER_BYTES + ENTRY_BYTES * (Math.floor(segmentBytes / ENTRY_EVERY_BYTES) + 1)
}

export class SegmentIndex {
  /** True if another process wrote it: the segment shows whether it is right. */
  readonly isFromFile: boolean
  readonly #offsets: number[] = []
  readonly #positions: number[] = []
  readonly #newestBefore: number[] = []
  /** Newest receivedAt in the segment; 0 while it is empty. */
  newest = 0

  constructor(isFromFile = false) {
    this.isFromFile = isFromFile
  }

  get bytes(): number {
    return HEADER_BYTES + ENTRY_BYTES * this.#offsets.length
  }

  /** Adds a frame. Frames must come in the order of the file. */
  note(header: FrameHeader, position: number): void {
    if (header.count === 0) return
    this.add(header.firstOffset, position, header.newestReceivedAt)
  }

  add(firstOffset: number, position: number, newest: number): void {
    const last = this.#positions[this.#positions.length - 1]
    if (last === undefined || position - last >= ENTRY_EVERY_BYTES) {
      this.#offsets.push(firstOffset)
      this.#positions.push(position)
      this.#newestBefore.push(this.newest)
    }
    if (newest > this.newest) this.newest = newest
  }

  /** The position of a frame at or before the one that holds `offset`. */
  locate(offset: number): number {
    return this.#positions[this.#entryOf(offset)] ?? 0
  }

  /** The first offset of the frame at the position that `locate` says; undefined for position 0. */
  located(offset: number): number | undefined {
    return this.#offsets[this.#entryOf(offset)]
  }

  #entryOf(offset: number): number {
    return countUpTo(offset, this.#offsets.length, (entry) => this.#offsets[entry] ?? 0) - 1
  }

  /** An offset at or before the first received at or after `time`; undefined if there is none. */
  locateTime(time: number): number | undefined {
    if (this.newest < time) return undefined
    // Ascending even where clocks went back: each entry has the newest time of all frames before
    // it.
    let entry = 0
    while ((this.#newestBefore[entry + 1] ?? Number.POSITIVE_INFINITY) < time) entry++
    return this.#offsets[entry]
  }

  encode(segmentBytes: number, end: number): Buffer {
    const bytes = Buffer.alloc(this.bytes)
    bytes.writeUInt32LE(MAGIC, 0)
    bytes.writeUIntLE(segmentBytes, 8, 6)
    bytes.writeUIntLE(end, 14, 6)
    bytes.writeUIntLE(this.newest, 20, 6)
    let at = HEADER_BYTES
    for (let entry = 0; entry < this.#offsets.length; entry++) {
      bytes.writeUIntLE(this.#offsets[entry] ?? 0, at, 6)
      bytes.writeUIntLE(this.#positions[entry] ?? 0, at + 6, 6)
      bytes.writeUIntLE(this.#newestBefore[entry] ?? 0, at + 12, 6)
      at += ENTRY_BYTES
    }
    bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4)
    return bytes
  }

  /** Undefined if the bytes are damaged, no index, or belong to a segment of another length. */
  static decode(bytes: Buffer, segmentBytes: number): SegmentIndex | undefined {
    if (bytes.length < HEADER_BYTES || (bytes.length - HEADER_BYTES) % ENTRY_BYTES !== 0) {
      return undefined
    }
    if (bytes.readUInt32LE(0) !== MAGIC || bytes.readUInt32LE(4) !== crc32(bytes.subarray(8))) {
      return undefined
    }
    if (bytes.readUIntLE(8, 6) !== segmentBytes) return undefined
    const index = new SegmentIndex(true)
    index.newest = bytes.readUIntLE(20, 6)
    for (let at = HEADER_BYTES; at < bytes.length; at += ENTRY_BYTES) {
      index.#offsets.push(bytes.readUIntLE(at, 6))
      index.#positions.push(bytes.readUIntLE(at + 6, 6))
      index.#newestBefore.push(bytes.readUIntLE(at + 12, 6))
    }
    return index.#isAscending(segmentBytes) ? index : undefined
  }

  #isAscending(segmentBytes: number): boolean {
    return (
      this.#offsets.every((offset, entry) => offset > (this.#offsets[entry - 1] ?? -1)) &&
      this.#positions.every((position, entry) => position > (this.#positions[entry - 1] ?? -1)) &&
      this.#newestBefore.every((time, entry) => time >= (this.#newestBefore[entry - 1] ?? 0)) &&
      (this.#positions.at(-1) ?? 0) < segmentBytes
    )
  }
}

/** How many of `count` ascending numbers, given by their place, are `limit` or below. */
export function countUpTo(limit: number, count: number, at: (place: number) => number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (at(middle) <= limit) low = middle + 1
    else high = middle
  }
  return low
}
