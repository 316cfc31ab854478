/**
 * Goes through the cycles of a slot, from the first to the last of its present use, and
 * distinguishes damage from a write that never finished:
 *
 *     not intact, and a later cycle of the same use is           committed and damaged
 *     not intact, and the slot is known to have more cycles      committed and damaged
 *     not intact, and nothing shows that there are more          the write that never finished
 *     another generation, or zeros                               the end
 */

import { FRAME_HEADER_BYTES, type FrameHeader, isBodyIntact, readHeader } from '../format/frame.ts'
import type { FileView } from '../format/frame-walk.ts'
import {
  aligned,
  BLOCK_BYTES,
  CYCLE_FLAG,
  CYCLE_HEADER_BYTES,
  type CycleEntry,
  cycleEntries,
  ENTRY_KIND,
  type FoundCycle,
  readCycleHeader,
} from './cycle.ts'
import { decodeLogEntry, type LogEntry } from './log-entry.ts'

/** One use of a slot. */
export interface SlotUse {
  readonly key: number
  readonly generation: number
  readonly firstSequence: number
  /** The sequence after its last cycle, if that is known; undefined for the newest slot. */
  readonly endSequence: number | undefined
  /** Checksum of the first cycle's header; 0 or undefined if it is not known. */
  readonly firstCycleCrc?: number
}

export interface SlotVisitor {
  onFrame(header: FrameHeader, position: number, bytes: number): void
  onEntry(entry: LogEntry): void
  /** Bytes of committed cycles that are not intact; `header` if the frame's own header is. */
  onDamage(position: number, bytes: number, header: FrameHeader | undefined): void
}

export interface SlotEnd {
  /** The sequence after the last cycle found. */
  readonly sequence: number
  /** Where the last cycle ends. */
  readonly position: number
  /** The write that never finished, if its header can be read. */
  readonly torn: TornCycle | undefined
  /** Whether the last cycle says that everything is stored in the logs' directories as well. */
  readonly isClean: boolean
}

export interface TornCycle {
  readonly position: number
  readonly bytes: number
  /** When it was written, milliseconds since 1970. */
  readonly time: number
}

/** Calls `goesOn` after each cycle. @throws a system error when the slot can't be read */
export async function walkSlot(
  view: FileView,
  use: SlotUse,
  visit: SlotVisitor,
  goesOn: (cycle: FoundCycle) => boolean = () => true,
): Promise<SlotEnd> {
  let position = BLOCK_BYTES
  let sequence = use.firstSequence
  let isClean = false
  while (use.endSequence === undefined || sequence < use.endSequence) {
    const cycle = await nextCycle(view, use, { position, sequence }, visit)
    if (cycle === undefined) break
    position = cycle.position
    if (await isTorn(view, use, cycle)) {
      const { bytes, time } = cycle.header
      return { sequence, position, torn: { position, bytes, time }, isClean }
    }
    visitEntries(view, position, cycle.header, await entriesOf(view, position, cycle.header), visit)
    isClean = (cycle.header.flags & CYCLE_FLAG.clean) !== 0
    position += aligned(cycle.header.bytes)
    sequence = cycle.header.sequence + 1
    if (!goesOn(cycle.header)) break
  }
  return { sequence, position, torn: undefined, isClean }
}

interface CycleAt {
  readonly position: number
  readonly header: FoundCycle
}

/** The next cycle at or behind its expected place; bytes skipped on the way are damage. */
async function nextCycle(
  view: FileView,
  use: SlotUse,
  { position, sequence }: { readonly position: number; readonly sequence: number },
  visit: SlotVisitor,
): Promise<CycleAt | undefined> {
  const header = await cycleAt(view, use, position)
  if (header?.sequence === sequence) return { position, header }
  const next = await findCycle(view, use, position, sequence)
  const end = next?.position ?? (use.endSequence === undefined ? position : view.fileBytes)
  if (end > position) visit.onDamage(position, end - position, undefined)
  return next
}

/** Only the newest cycle of the newest slot can be a write that never finished. */
async function isTorn(view: FileView, use: SlotUse, { position, header }: CycleAt) {
  if (use.endSequence !== undefined) return false
  if (isWhole(view, position, await entriesOf(view, position, header))) return false
  const after = position + aligned(header.bytes)
  return (await findCycle(view, use, after, header.sequence)) === undefined
}

async function cycleAt(view: FileView, use: SlotUse, position: number) {
  if (!(await view.load(position, CYCLE_HEADER_BYTES))) return undefined
  const cycle = readCycleHeader(view.buffer, view.indexOf(position))
  const isOurs = cycle?.key === use.key && cycle.generation === use.generation
  return isOurs && isOfHeader(cycle, use, position) ? cycle : undefined
}

/**
 * If power failed twice while a slot was taken into use, the header of the second attempt may stand
 * before the cycle of the first one: both have the same generation and sequence.
 */
function isOfHeader(cycle: FoundCycle, { firstCycleCrc = 0 }: SlotUse, position: number): boolean {
  return position > BLOCK_BYTES || firstCycleCrc === 0 || cycle.headerCrc === firstCycleCrc
}

/** The next cycle of this use at or behind `position` with a sequence of at least `sequence`. */
async function findCycle(
  view: FileView,
  use: SlotUse,
  position: number,
  sequence: number,
): Promise<CycleAt | undefined> {
  const end = use.endSequence ?? Number.POSITIVE_INFINITY
  for (let at = position; at + BLOCK_BYTES <= view.fileBytes; at += BLOCK_BYTES) {
    const header = await cycleAt(view, use, at)
    if (header !== undefined && header.sequence >= sequence && header.sequence < end) {
      return { position: at, header }
    }
  }
  return undefined
}

/** Undefined if the table is damaged, or the cycle would end beyond the slot. */
async function entriesOf(
  view: FileView,
  position: number,
  cycle: FoundCycle,
): Promise<CycleEntry[] | undefined> {
  if (!(await view.load(position, cycle.bytes))) return undefined
  return cycleEntries(view.buffer.subarray(view.indexOf(position)), cycle)
}

function isWhole(view: FileView, position: number, entries: CycleEntry[] | undefined): boolean {
  return entries?.every((entry) => isIntact(view, position, entry)) ?? false
}

function isIntact(view: FileView, position: number, entry: CycleEntry): boolean {
  const { kind, from, to } = entry
  if (!entry.isMarked) return false
  const start = view.indexOf(position)
  if (kind === ENTRY_KIND.log) {
    return decodeLogEntry(view.buffer.subarray(start + from, start + to)) !== undefined
  }
  if (kind !== ENTRY_KIND.frame) return true
  const header = frameHeader(view, position, entry)
  return header !== undefined && isBodyIntact(view.buffer, start + from, header)
}

function frameHeader(view: FileView, position: number, { from, to, isMarked }: CycleEntry) {
  if (!isMarked || to - from < FRAME_HEADER_BYTES) return undefined
  const header = readHeader(view.buffer, view.indexOf(position) + from, undefined)
  return header?.bodyBytes === to - from - FRAME_HEADER_BYTES ? header : undefined
}

function visitEntries(
  view: FileView,
  position: number,
  cycle: FoundCycle,
  entries: CycleEntry[] | undefined,
  visit: SlotVisitor,
): void {
  if (entries === undefined) {
    visit.onDamage(position, cycle.bytes, undefined)
    return
  }
  const start = view.indexOf(position)
  for (const entry of entries) {
    const { kind, from, to } = entry
    const header = kind === ENTRY_KIND.frame ? frameHeader(view, position, entry) : undefined
    if (!isIntact(view, position, entry)) {
      visit.onDamage(position + from, to - from, header)
    } else if (header !== undefined) {
      visit.onFrame(header, position + from, to - from)
    } else if (kind === ENTRY_KIND.log) {
      const found = decodeLogEntry(view.buffer.subarray(start + from, start + to))
      if (found !== undefined) visit.onEntry(found)
    }
  }
}
