/**
 * One file of the journal, `journal/<number>.jnl`: a header block, then cycles. A slot is written
 * from beginning to end, and reused once nothing in it is needed any more. Its file never changes
 * its name or its length.
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
 *                     (48 bits). Cycles in that slot from there on were written by a commit that
 *                     failed, and are void
 *         cycle   CRC-32 in the header of the first cycle, which is written together with this
 *                 block; 0 if that is written later, and in slots of earlier versions
 *         zeros up to 4096
 *
 *                 taken                 full, or a write failed        nothing in it is needed
 *     free ───────────────▶ current ───────────────▶ closed ───────────────▶ history ──▶ free
 */
import { crc32 } from 'node:zlib'
import type { OpenFile } from '../files/file-layer.ts'
import { BLOCK_BYTES, MAX_NUMBER } from './cycle.ts'

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
  /** Checksum of the first cycle's header; 0 if it is not known. */
  readonly firstCycleCrc: number
}

/** A closed slot that was still needed when another one was taken. */
export interface NeededSlot {
  readonly generation: number
  /** The sequence after its last cycle. */
  readonly endSequence: number
}

/** A log that has frames in slots. */
export interface SlotUser {
  /** Whether it can't be settled now, although others can: nobody waits for it. */
  readonly isSetAside?: boolean
  /**
   * Moves the frames of the slot that are still needed to segments.
   * @throws a system error; the slot still has the frames then
   */
  settle(slot: Slot): Promise<void>
  /** The slot is about to be reused, or its file is gone: nothing more can be read from it. */
  forget(slot: Slot): void
}

/** One use of a slot, from its header to its last cycle. */
export interface SlotUseStart {
  readonly generation: number
  readonly key: number
  readonly firstSequence: number
  /** When the slot was taken into use, milliseconds since 1970. */
  readonly time: number
}

export class Slot {
  readonly number: number
  readonly path: string
  readonly bytes: number
  #use: SlotUseStart = { generation: 0, key: 0, firstSequence: 0, time: 0 }
  #position = 0
  #endSequence = 0
  #isInCommit = false
  #file: OpenFile | undefined
  readonly #users = new Set<SlotUser>()
  readonly #neededBy = new Set<SlotUser>()

  constructor(number: number, path: string, bytes: number) {
    this.number = number
    this.path = path
    this.bytes = bytes
  }

  /** Of its present use; 0 if it was never used. */
  get generation(): number {
    return this.#use.generation
  }

  get key(): number {
    return this.#use.key
  }

  get firstSequence(): number {
    return this.#use.firstSequence
  }

  /** When it was taken into use, milliseconds since 1970. */
  get time(): number {
    return this.#use.time
  }

  /** Where the next cycle goes; 0 while not even the header is written. */
  get position(): number {
    return this.#position
  }

  /** The sequence after its last cycle. */
  get endSequence(): number {
    return this.#endSequence
  }

  /** Whether the commit under way has written to it. */
  get isInCommit(): boolean {
    return this.#isInCommit
  }

  /** Open while the slot holds something that may be read. */
  get file(): OpenFile | undefined {
    return this.#file
  }

  /** Logs that have frames in it. */
  get users(): ReadonlySet<SlotUser> {
    return this.#users
  }

  /** Logs whose frames in it are needed, because they are nowhere else. */
  get neededBy(): ReadonlySet<SlotUser> {
    return this.#neededBy
  }

  /** Whether frames in it have to be settled, and can be. */
  get waitsForSettling(): boolean {
    for (const user of this.#neededBy) if (user.isSetAside !== true) return true
    return false
  }

  beginUse({ generation, key, firstSequence, time }: SlotUseStart): void {
    this.#use = { generation, key, firstSequence, time }
  }

  /** Its contents are about to be overwritten. */
  clear(): void {
    this.#use = { ...this.#use, generation: 0 }
    this.#position = 0
    this.#endSequence = 0
  }

  moveTo(position: number): void {
    this.#position = position
  }

  /** Cycles from `sequence` on are not in the slot, or are void. */
  endAt(sequence: number): void {
    this.#endSequence = sequence
  }

  enterCommit(): void {
    this.#isInCommit = true
  }

  leaveCommit(): void {
    this.#isInCommit = false
  }

  addUser(user: SlotUser): void {
    this.#users.add(user)
  }

  removeUser(user: SlotUser): void {
    this.#users.delete(user)
  }

  markNeeded(user: SlotUser): void {
    this.#neededBy.add(user)
  }

  markReleased(user: SlotUser): void {
    this.#neededBy.delete(user)
  }

  /** Tells all users that the slot is about to be reused. */
  forgetUsers(): void {
    for (const user of this.#users) user.forget(this)
    this.#users.clear()
  }

  opened(file: OpenFile): void {
    this.#file = file
  }

  /** Closes its file; a failure to do so does no harm. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => undefined)
  }
}

/** The number in the name of a slot's file; undefined if the name is not a slot's. */
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

/** Undefined if the slot was never used, or its header is damaged. */
export function readSlotHeader(block: Buffer): SlotHeader | undefined {
  if (block.length < BLOCK_BYTES || block.readUInt32LE(0) !== MAGIC) return undefined
  if (block.readUInt32LE(4) !== crc32(block.subarray(8, BLOCK_BYTES))) return undefined
  const count = block.readUInt16LE(36)
  if (count > MAX_NEEDED_SLOTS) return undefined
  const needed = Array.from({ length: count }, (_, index) => {
    const at = NEEDED_AT + index * NEEDED_BYTES
    return { generation: block.readUIntLE(at, 6), endSequence: block.readUIntLE(at + 6, 6) }
  })
  const generation = block.readUIntLE(12, 6)
  const firstSequence = block.readUIntLE(18, 6)
  if (generation > MAX_NUMBER || firstSequence > MAX_NUMBER) return undefined
  if (!isListOf(needed, generation)) return undefined
  return {
    key: block.readUInt32LE(8),
    generation,
    firstSequence,
    bytes: block.readUIntLE(24, 6),
    time: block.readUIntLE(30, 6),
    needed,
    firstCycleCrc: block.readUInt32LE(NEEDED_AT + count * NEEDED_BYTES),
  }
}

/** Whether these can be needed by a slot of that generation: older ones, ascending. */
function isListOf(needed: readonly NeededSlot[], generation: number): boolean {
  return needed.every((slot, index) => {
    const next = needed[index + 1]?.generation ?? generation
    return slot.generation < next && slot.endSequence <= MAX_NUMBER
  })
}

/** Where a frame of the journal is, and which messages it holds. */
export interface PlacedFrame {
  readonly slot: Slot
  readonly position: number
  readonly bytes: number
  readonly firstOffset: number
  readonly endOffset: number
  readonly newestReceivedAt: number
}
