/**
 * A cycle: the frames and log entries of one commit, for all logs, in one write that starts and
 * ends on a block of 4096 bytes. All numbers are little-endian.
 *
 *      0  magic       'IAJ1'; the digit is the format's version
 *      4  headerCrc   CRC-32 of bytes 8 to 47
 *      8  key         of the journal
 *     12  generation  of the use of the slot that the cycle belongs to (48 bits)
 *     18  sequence    one more than in the cycle before, over all slots (48 bits)
 *     24  time        milliseconds since 1970 (48 bits)
 *     30  flags       1: everything is stored in the logs' directories as well
 *                     2: the entries that begin the slot continue in the next cycle
 *     32  bytes       header, entries and table, without the padding
 *     36  count       of entries
 *     40  tableCrc    CRC-32 of the table
 *     44  reserved
 *     48  entries     frames (frame.ts) and log entries (log-entry.ts), each with its own checksum
 *         table       8 bytes per entry: kind (1), mark (3), bytes (4). The mark is the first bytes
 *                     of the entry's own checksum; zeros in cycles of earlier versions
 *         padding     zeros up to the next multiple of 4096
 *
 * Slots are reused, so a checksum alone proves nothing: intact cycles of earlier generations follow
 * the newest one. Only generation and key tell them apart. If power fails during a write, sectors
 * of the new cycle lie among those of the one it was overwriting, which may have had an entry at
 * the same place. Only the mark shows that such an entry is not the new one.
 */
import { crc32 } from 'node:zlib'

/** The kernel writes whole pages; a cycle must never rewrite a page of an older cycle. */
export const BLOCK_BYTES = 4096
export const CYCLE_HEADER_BYTES = 48
export const TABLE_ENTRY_BYTES = 8
/**
 * The highest generation and sequence. Both have 48 bits on disk, and there must be a next one; no
 * journal gets this far.
 */
export const MAX_NUMBER = 2 ** 48 - 2 ** 40
const MAGIC = Buffer.from('IAJ1', 'latin1').readUInt32LE(0)
const ZEROS = Buffer.alloc(BLOCK_BYTES)

export const ENTRY_KIND = { frame: 1, log: 2 } as const
/** Where an entry has its own checksum, by kind. */
const CHECKSUM_AT: Readonly<Record<number, number>> = { [ENTRY_KIND.frame]: 4, [ENTRY_KIND.log]: 0 }
const MARK_BYTES = 3
export const CYCLE_FLAG = { clean: 1, opensFurther: 2 } as const

export interface CycleHeader {
  readonly key: number
  readonly generation: number
  readonly sequence: number
  readonly time: number
  readonly flags: number
}

/** A header that was read, with the length of the cycle. */
export interface FoundCycle extends CycleHeader {
  readonly headerCrc: number
  readonly bytes: number
  readonly count: number
  readonly tableCrc: number
}

export function aligned(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES
}

/** Bytes of a cycle with `count` entries of `entryBytes` together, padding included. */
export function cycleBytes(entryBytes: number, count: number): number {
  return aligned(CYCLE_HEADER_BYTES + entryBytes + count * TABLE_ENTRY_BYTES)
}

/** Bytes of the cycles that these entries fill in order, if each cycle has at most `most` bytes. */
export function cyclesBytes(entries: readonly Buffer[], most: number): number {
  let before = 0
  let bytes = 0
  let count = 0
  for (const { length } of entries) {
    if (count > 0 && cycleBytes(bytes + length, count + 1) > most) {
      before += cycleBytes(bytes, count)
      bytes = 0
      count = 0
    }
    bytes += length
    count++
  }
  return count === 0 ? before : before + cycleBytes(bytes, count)
}

/** Builds one cycle after the other in one buffer, which is reused and grows if it must. */
export class CycleBuilder {
  buffer: Buffer
  /** Where the cycle begins in the buffer. */
  #start = 0
  #end = 0
  readonly #kinds: number[] = []
  readonly #sizes: number[] = []

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafeSlow(bytes)
  }

  get isEmpty(): boolean {
    return this.#kinds.length === 0
  }

  /** Bytes of the cycle with `count` more entries of `entryBytes` together, padding included. */
  bytesWith(entryBytes: number, count: number): number {
    const entries = this.#end - this.#start - CYCLE_HEADER_BYTES
    return cycleBytes(entries + entryBytes, this.#kinds.length + count)
  }

  /** Begins a cycle behind `headBytes` that the caller fills. */
  begin(headBytes: number): void {
    this.#grow(headBytes + CYCLE_HEADER_BYTES)
    this.#start = headBytes
    this.#end = headBytes + CYCLE_HEADER_BYTES
    this.#kinds.length = 0
    this.#sizes.length = 0
  }

  /** Adds an entry; returns its distance from the start of the cycle. */
  add(kind: number, bytes: Buffer, from: number, to: number): number {
    const position = this.#end
    this.#grow(position + to - from + (this.#kinds.length + 1) * TABLE_ENTRY_BYTES)
    bytes.copy(this.buffer, position, from, to)
    this.#end = position + to - from
    this.#kinds.push(kind)
    this.#sizes.push(to - from)
    return position - this.#start
  }

  /** Completes the cycle; returns its bytes, padding included. */
  seal(header: CycleHeader): number {
    const { buffer } = this
    const table = this.#end
    let entry = this.#start + CYCLE_HEADER_BYTES
    const bytes = table - this.#start + this.#kinds.length * TABLE_ENTRY_BYTES
    let at = table
    for (let index = 0; index < this.#kinds.length; index++) {
      const kind = this.#kinds[index] ?? 0
      const size = this.#sizes[index] ?? 0
      buffer[at] = kind
      buffer.writeUIntLE(markOf(buffer, kind, entry, entry + size), at + 1, MARK_BYTES)
      buffer.writeUInt32LE(size, at + 4)
      entry += size
      at += TABLE_ENTRY_BYTES
    }
    const padded = aligned(bytes)
    ZEROS.copy(buffer, at, 0, padded - bytes)
    const start = this.#start
    buffer.writeUInt32LE(MAGIC, start)
    buffer.writeUInt32LE(header.key, start + 8)
    buffer.writeUIntLE(header.generation, start + 12, 6)
    buffer.writeUIntLE(header.sequence, start + 18, 6)
    buffer.writeUIntLE(Math.max(0, Math.floor(header.time)), start + 24, 6)
    buffer.writeUInt16LE(header.flags, start + 30)
    buffer.writeUInt32LE(bytes, start + 32)
    buffer.writeUInt32LE(this.#kinds.length, start + 36)
    buffer.writeUInt32LE(crc32(buffer.subarray(table, at)), start + 40)
    buffer.writeUInt32LE(0, start + 44)
    const crc = crc32(buffer.subarray(start + 8, start + CYCLE_HEADER_BYTES))
    buffer.writeUInt32LE(crc, start + 4)
    return padded
  }

  #grow(bytes: number): void {
    const needed = aligned(bytes + BLOCK_BYTES)
    if (needed <= this.buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(grown, 0, 0, this.#end)
    this.buffer = grown
  }
}

/**
 * The checksum in the header of the cycle at `position`; it covers all other checksums of the
 * cycle.
 */
export function cycleChecksumAt(buffer: Buffer, position: number): number {
  return buffer.readUInt32LE(position + 4)
}

/** The header in the 48 bytes at `position`; undefined if it is damaged or not a header. */
export function readCycleHeader(buffer: Buffer, position: number): FoundCycle | undefined {
  if (buffer.readUInt32LE(position) !== MAGIC) return undefined
  const crc = crc32(buffer.subarray(position + 8, position + CYCLE_HEADER_BYTES))
  if (crc !== buffer.readUInt32LE(position + 4)) return undefined
  const generation = buffer.readUIntLE(position + 12, 6)
  const sequence = buffer.readUIntLE(position + 18, 6)
  const bytes = buffer.readUInt32LE(position + 32)
  const count = buffer.readUInt32LE(position + 36)
  if (generation > MAX_NUMBER || sequence > MAX_NUMBER) return undefined
  if (bytes < CYCLE_HEADER_BYTES + count * TABLE_ENTRY_BYTES) return undefined
  return {
    headerCrc: crc,
    key: buffer.readUInt32LE(position + 8),
    generation,
    sequence,
    time: buffer.readUIntLE(position + 24, 6),
    flags: buffer.readUInt16LE(position + 30),
    bytes,
    count,
    tableCrc: buffer.readUInt32LE(position + 40),
  }
}

/** An entry of a cycle: its kind, and its place in the cycle's bytes. */
export interface CycleEntry {
  readonly kind: number
  readonly from: number
  readonly to: number
  /** False if the bytes are not the ones that the cycle was written with. */
  readonly isMarked: boolean
}

function markOf(buffer: Buffer, kind: number, from: number, to: number): number {
  const place = CHECKSUM_AT[kind]
  if (place === undefined || from + place + MARK_BYTES > to) return 0
  return buffer.readUIntLE(from + place, MARK_BYTES)
}

/** The entries of the cycle in `bytes`; undefined if the table is damaged. */
export function cycleEntries(bytes: Buffer, cycle: FoundCycle): CycleEntry[] | undefined {
  const table = cycle.bytes - cycle.count * TABLE_ENTRY_BYTES
  if (table < CYCLE_HEADER_BYTES || cycle.bytes > bytes.length) return undefined
  if (crc32(bytes.subarray(table, cycle.bytes)) !== cycle.tableCrc) return undefined
  const entries: CycleEntry[] = []
  let from = CYCLE_HEADER_BYTES
  for (let at = table; at < cycle.bytes; at += TABLE_ENTRY_BYTES) {
    const to = from + bytes.readUInt32LE(at + 4)
    if (to > table) return undefined
    const kind = bytes[at] ?? 0
    const mark = bytes.readUIntLE(at + 1, MARK_BYTES)
    const isMarked = mark === 0 || mark === markOf(bytes, kind, from, to)
    entries.push({ kind, from, to, isMarked })
    from = to
  }
  return from === table ? entries : undefined
}
