/**
 * Reads a journal from disk without changing anything: which slots hold something needed, which
 * frames they hold of each log, and what is damaged. Recovery, the doctor and `export` use it.
 *
 *     all headers ─▶ the newest ─▶ the slots it names as needed, and itself ─▶ their cycles
 *                                  all others: history, or free
 */

import { join } from 'node:path'
import type { FileLayer } from '../files/file-layer.ts'
import type { FrameHeader, LogIdentity } from '../format/frame.ts'
import { FileView } from '../format/frame-walk.ts'
import { BLOCK_BYTES, CYCLE_FLAG, readCycleHeader } from './cycle.ts'
import type { LogEntry } from './log-entry.ts'
import type { PlacedFrame } from './slot.ts'
import { readSlotHeader, Slot, type SlotHeader, slotNumberOf } from './slot.ts'
import { type SlotUse, type TornCycle, walkSlot } from './slot-walk.ts'

/** What the journal holds of one log. */
export interface FoundLog {
  readonly identity: LogIdentity
  /** The newest one; undefined if it was damaged. */
  entry: LogEntry | undefined
  /** In the order of their cycles. */
  readonly frames: PlacedFrame[]
  /** The offset after the last message that a damaged frame held. */
  seenEnd: number
}

export interface SlotDamage {
  readonly slot: Slot
  readonly position: number
  readonly bytes: number
  /** The damaged frame's own header, if that is intact. */
  readonly header: FrameHeader | undefined
}

export interface FoundJournal {
  readonly key: number | undefined
  /** Of the newest slot; 0 if there is none. */
  readonly generation: number
  /** The sequence that the next cycle gets. */
  readonly sequence: number
  /** Slots whose cycles were read: needed ones and the newest. Ascending by generation. */
  readonly read: readonly Slot[]
  /** Slots of lower generations that nobody needs, ascending. */
  readonly past: readonly Slot[]
  /** Slots that were never used, or whose header can't be trusted. */
  readonly unused: readonly Slot[]
  readonly logs: ReadonlyMap<string, FoundLog>
  readonly isClean: boolean
  readonly damages: readonly SlotDamage[]
  readonly torn: (TornCycle & { readonly slot: Slot }) | undefined
  /** Generations that are needed but not in any file. */
  readonly lost: readonly number[]
  readonly slotCount: number
  /** Bytes of all slots. */
  readonly bytes: number
}

/** More than a frame of the largest size takes. A larger file is no slot, and is not read. */
const MAX_SLOT_BYTES = 72 * 1024 * 1024
/** The ends of some hundred logs. A bad sector among them is survived: not all of it is bad. */
const OPENING_BYTES = 64 * 1024

interface Candidate {
  readonly slot: Slot
  readonly header: SlotHeader
}

export function identityText({ id, key }: LogIdentity): string {
  return `${id}:${key}`
}

/** @throws a system error when files can't be read at all */
export async function readJournal(files: FileLayer, directory: string): Promise<FoundJournal> {
  const slots = await listSlots(files, directory)
  const { candidates, unused, key } = await readHeaders(files, slots)
  const newest = candidates.at(-1)
  const reading = new JournalReading(files)
  const needed = newest?.header.needed ?? []
  for (const { generation, endSequence } of needed) {
    const candidate = candidates.find((one) => one.header.generation === generation)
    if (candidate === undefined) reading.lost.push(generation)
    else await reading.read(candidate, endSequence)
  }
  if (newest !== undefined) await reading.read(newest, undefined)
  const read = new Set(reading.slots)
  return {
    key,
    generation: newest?.header.generation ?? 0,
    sequence: reading.sequence,
    read: reading.slots,
    past: candidates.map((one) => one.slot).filter((slot) => !read.has(slot)),
    unused,
    logs: reading.logs,
    isClean: reading.isClean,
    damages: reading.damages,
    torn: reading.torn,
    lost: reading.lost,
    slotCount: slots.length,
    bytes: slots.reduce((sum, slot) => sum + slot.bytes, 0),
  }
}

class JournalReading {
  readonly slots: Slot[] = []
  readonly logs = new Map<string, FoundLog>()
  readonly damages: SlotDamage[] = []
  readonly lost: number[] = []
  torn: FoundJournal['torn']
  isClean = false
  sequence = 1
  readonly #files: FileLayer

  constructor(files: FileLayer) {
    this.#files = files
  }

  async read({ slot, header }: Candidate, endSequence: number | undefined): Promise<void> {
    const file = await this.#files.open(slot.path, 'read')
    try {
      const view = new FileView(file, slot.bytes, true)
      const end = await walkSlot(view, { ...header, endSequence }, this.#visitor(slot))
      this.sequence = end.sequence
      this.isClean = end.isClean
      this.torn = end.torn && { ...end.torn, slot }
      slot.endAt(endSequence ?? end.sequence)
      slot.moveTo(end.position)
      this.slots.push(slot)
    } finally {
      await file.close()
    }
  }

  #visitor(slot: Slot) {
    return {
      onFrame: (header: FrameHeader, position: number, bytes: number) => {
        this.#log(header.identity).frames.push({
          slot,
          position,
          bytes,
          firstOffset: header.firstOffset,
          endOffset: header.firstOffset + header.count,
          newestReceivedAt: header.newestReceivedAt,
        })
      },
      onEntry: (entry: LogEntry) => {
        this.#log(entry.identity).entry = entry
      },
      onDamage: (position: number, bytes: number, header: FrameHeader | undefined) => {
        this.damages.push({ slot, position, bytes, header })
        if (header === undefined) return
        const log = this.#log(header.identity)
        log.seenEnd = Math.max(log.seenEnd, header.firstOffset + header.count)
      },
    }
  }

  #log(identity: LogIdentity): FoundLog {
    const text = identityText(identity)
    let log = this.logs.get(text)
    if (log === undefined) {
      log = { identity, entry: undefined, frames: [], seenEnd: 0 }
      this.logs.set(text, log)
    }
    return log
  }
}

/**
 * The end of each log when the slot was taken into use, by identity; undefined if that can't be
 * read. Together with the opening of the next slot it says what a slot holds, without a walk
 * through it.
 */
export async function readOpening(
  files: FileLayer,
  slot: Slot,
  use: SlotUse,
): Promise<ReadonlyMap<string, LogEntry> | undefined> {
  const entries = new Map<string, LogEntry>()
  let isDamaged = false
  let isComplete = false
  const visit = {
    onFrame() {},
    onEntry: (entry: LogEntry) => void entries.set(identityText(entry.identity), entry),
    onDamage: () => {
      isDamaged = true
    },
  }
  const file = await files.open(slot.path, 'read')
  try {
    const view = new FileView(file, slot.bytes, true, OPENING_BYTES)
    await walkSlot(view, use, visit, (cycle) => {
      isComplete = (cycle.flags & CYCLE_FLAG.opensFurther) === 0
      return !isComplete
    })
  } finally {
    await file.close()
  }
  return isDamaged || !isComplete ? undefined : entries
}

/** The messages that the slot holds of each log, found by a walk through all of it. */
export async function readRanges(
  files: FileLayer,
  slot: Slot,
  use: SlotUse,
): Promise<ReadonlyMap<string, { readonly first: number; readonly end: number }>> {
  const ranges = new Map<string, { readonly first: number; readonly end: number }>()
  const visit = {
    onFrame: ({ identity, firstOffset, count }: FrameHeader) => {
      const text = identityText(identity)
      const first = ranges.get(text)?.first ?? firstOffset
      ranges.set(text, { first, end: firstOffset + count })
    },
    onEntry() {},
    onDamage() {},
  }
  const file = await files.open(slot.path, 'read')
  try {
    await walkSlot(new FileView(file, slot.bytes, true), use, visit)
  } finally {
    await file.close()
  }
  return ranges
}

async function listSlots(files: FileLayer, directory: string): Promise<Slot[]> {
  const slots: Slot[] = []
  for (const { name, bytes, isDirectory } of await files.list(directory)) {
    const number = isDirectory ? undefined : slotNumberOf(name)
    if (number !== undefined) slots.push(new Slot(number, join(directory, name), bytes))
  }
  return slots.sort((a, b) => a.number - b.number)
}

async function readHeaders(files: FileLayer, slots: readonly Slot[]) {
  const found: Candidate[] = []
  const headerless: Slot[] = []
  const oversize: Slot[] = []
  for (const slot of slots) {
    const isOversize = slot.bytes > MAX_SLOT_BYTES
    const header = isOversize ? undefined : await readHeaderOf(files, slot)
    if (isOversize) oversize.push(slot)
    else if (header === undefined) headerless.push(slot)
    else found.push({ slot, header })
  }
  const key = mostFrequentKey(found)
  const candidates = found.filter((one) => one.header.key === key)
  const strange = found.filter((one) => one.header.key !== key).map((one) => one.slot)
  const unused = [...strange, ...oversize]
  candidates.sort((a, b) => a.header.generation - b.header.generation)
  for (const slot of headerless) {
    const candidate = await withoutHeader(files, slot, candidates, key)
    if (candidate === undefined) unused.push(slot)
    else candidates.push(candidate)
  }
  candidates.sort((a, b) => a.header.generation - b.header.generation)
  for (const { slot, header } of candidates) slot.beginUse(header)
  return { candidates, unused, key }
}

async function readHeaderOf(files: FileLayer, slot: Slot): Promise<SlotHeader | undefined> {
  const block = await readBlock(files, slot, 0)
  return block === undefined ? undefined : readSlotHeader(block)
}

/** If the header is damaged, the first block of cycles still says which use of the slot it is. */
async function withoutHeader(
  files: FileLayer,
  slot: Slot,
  others: readonly Candidate[],
  key: number | undefined,
): Promise<Candidate | undefined> {
  const block = await readBlock(files, slot, BLOCK_BYTES)
  const cycle = block === undefined ? undefined : readCycleHeader(block, 0)
  if (cycle === undefined || cycle.key !== key) return undefined
  const { generation, sequence, time } = cycle
  const before = others.findLast((one) => one.header.generation < generation)
  const needed =
    before === undefined
      ? []
      : [...before.header.needed, { generation: before.header.generation, endSequence: sequence }]
  const use = { key, generation, firstSequence: sequence, firstCycleCrc: 0 }
  return { slot, header: { ...use, bytes: slot.bytes, time, needed } }
}

async function readBlock(files: FileLayer, slot: Slot, position: number) {
  const file = await files.open(slot.path, 'read')
  try {
    const view = new FileView(file, slot.bytes, true, BLOCK_BYTES)
    if (!(await view.load(position, BLOCK_BYTES))) return undefined
    const start = view.indexOf(position)
    return Buffer.from(view.buffer.subarray(start, start + BLOCK_BYTES))
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}

/** Slots that were copied from another directory have another key. */
function mostFrequentKey(found: readonly Candidate[]): number | undefined {
  const counts = new Map<number, number>()
  for (const { header } of found) counts.set(header.key, (counts.get(header.key) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0]
}
