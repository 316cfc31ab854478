/**
 * One file of the journal, `journal/<number>.jnl`: a header block, then cycles. A slot is written
 * from its beginning to its end, and used again once nothing in it is needed any more; its file
 * never changes its name or its length.
 *
 *      0  magic       'IAS1'
 *      4  crc         CRC-32 of everything that follows in the block
 *      8  key         of the journal: random, the same in all its slots
 *     12  generation  one more with each use of any slot (48 bits)
 *     18  first       sequence of the first cycle (48 bits)
 *     24  bytes       of the slot (48 bits)
 *     30  time        milliseconds since 1970 (48 bits)
 *     36  count       of the slots that held something needed when this one was taken
 *     38  needed      12 bytes each: generation (48 bits), and the sequence after its last cycle
 *                     (48 bits). What is in that slot from there on was written by a commit that
 *                     failed, and is void
 *         cycle   CRC-32 in the header of the first cycle, which is written together with this block;
 *                 0 where that is written later, and in slots of earlier versions
 *         zeros up to 4096
 *
 *                 taken                 full, or a write failed        nothing in it is needed
 *     free ───────────────▶ current ───────────────▶ closed ───────────────▶ history ──▶ free
 */
import { crc32 } from 'node:zlib'
import type { OpenFile } from '../files/file-layer.ts'
import { BLOCK_BYTES } from './cycle.ts'

const MAGIC = Buffer.from('IAS1', 'latin1').readUInt32LE(0)
const NEEDED_AT = 38
const NEEDED_BYTES = 12
const CYCLE_CRC_BYTES = 4
export const MAX_NEEDED_SLOTS = Math.floor(
  (BLOCK_BYTES - NEEDED_AT - CYCLE_CRC_BYTES) / NEEDED_BYTES,
)
const NAME = /^(\d{1,9})\.jnl$/

export interface SlotHeader {
  readonly key: number
  readonly generation: number
  readonly firstSequence: number
  readonly bytes: number
  readonly time: number
  /** Ascending. */
  readonly needed: readonly NeededSlot[]
  /** Checksum of the first cycle's header; 0 where it is not known. */
  readonly firstCycleCrc: number
}

/** A slot that was closed and still needed when another one was taken. */
export interface NeededSlot {
  readonly generation: number
  /** The sequence after its last cycle. */
  readonly endSequence: number
}

/** A log that has frames in slots. */
export interface SlotUser {
  /**
   * Moves what is needed of the slot to where it is kept.
   * @throws a system error; the slot still has it then
   */
  settle(slot: Slot): Promise<void>
  /** The slot is about to be used again, or its file is gone: nothing can be read from it any more. */
  forget(slot: Slot): void
}

export class Slot {
  readonly number: number
  readonly path: string
  readonly bytes: number
  /** Of its present use; 0 when it was never used. */
  generation = 0
  key = 0
  firstSequence = 0
  /** Where the next cycle goes; 0 while not even the header is written. */
  position = 0
  /** The sequence after its last cycle. */
  endSequence = 0
  /** When it was taken into use, milliseconds since 1970. */
  time = 0
  /** Logs that have frames in it … */
  readonly users = new Set<SlotUser>()
  /** … and those among them whose frames are needed, because they are nowhere else. */
  readonly neededBy = new Set<SlotUser>()
  /** The commit under way has written to it. */
  isInCommit = false
  /** Open while the slot holds something that may be read. */
  file: OpenFile | undefined

  constructor(number: number, path: string, bytes: number) {
    this.number = number
    this.path = path
    this.bytes = bytes
  }
}

/** The number in the name of a slot's file; undefined when it is none of ours. */
export function slotNumberOf(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

export function slotName(number: number): string {
  return `${number}.jnl`
}

/** Fills the first block of `into`. */
export function writeSlotHeader(into: Buffer, header: SlotHeader): void {
  into.fill(0, 0, BLOCK_BYTES)
  into.writeUInt32LE(MAGIC, 0)
  into.writeUInt32LE(header.key, 8)
  into.writeUIntLE(header.generation, 12, 6)
  into.writeUIntLE(header.firstSequence, 18, 6)
  into.writeUIntLE(header.bytes, 24, 6)
  into.writeUIntLE(Math.max(0, Math.floor(header.time)), 30, 6)
  into.writeUInt16LE(header.needed.length, 36)
  let at = NEEDED_AT
  for (const { generation, endSequence } of header.needed) {
    into.writeUIntLE(generation, at, 6)
    into.writeUIntLE(endSequence, at + 6, 6)
    at += NEEDED_BYTES
  }
  into.writeUInt32LE(header.firstCycleCrc, at)
  into.writeUInt32LE(crc32(into.subarray(8, BLOCK_BYTES)), 4)
}

/** Undefined when the slot was never used, or its header is damaged. */
export function readSlotHeader(block: Buffer): SlotHeader | undefined {
  if (block.length < BLOCK_BYTES || block.readUInt32LE(0) !== MAGIC) return undefined
  if (block.readUInt32LE(4) !== crc32(block.subarray(8, BLOCK_BYTES))) return undefined
  const count = block.readUInt16LE(36)
  if (count > MAX_NEEDED_SLOTS) return undefined
  const needed = Array.from({ length: count }, (_, index) => {
    const at = NEEDED_AT + index * NEEDED_BYTES
    return { generation: block.readUIntLE(at, 6), endSequence: block.readUIntLE(at + 6, 6) }
  })
  return {
    key: block.readUInt32LE(8),
    generation: block.readUIntLE(12, 6),
    firstSequence: block.readUIntLE(18, 6),
    bytes: block.readUIntLE(24, 6),
    time: block.readUIntLE(30, 6),
    needed,
    firstCycleCrc: block.readUInt32LE(NEEDED_AT + count * NEEDED_BYTES),
  }
}

/** Where a frame of the journal is, and what it holds. */
export interface PlacedFrame {
  readonly slot: Slot
  readonly position: number
  readonly bytes: number
  readonly firstOffset: number
  readonly endOffset: number
  readonly newestReceivedAt: number
}
