/**
 * Finds the messages that slots nobody needs any more still hold for replay. A slot begins with the
 * end of each log at that time, and so does the next slot: the messages between the two ends are in
 * the slot. So a start need not read through any of them, however much history there is.
 */
import type { FileLayer } from '../files/file-layer.ts'
import { type FoundJournal, readOpening, readRanges } from './journal-reading.ts'
import type { LogEntry } from './log-entry.ts'
import type { Slot } from './slot.ts'

/** A log that may have history in slots. */
export interface HistoryKeeper {
  readonly identityText: string
  /** The oldest offset that it has; history that is added must end there. */
  readonly start: number
  /** History may go on behind `start`, with messages that are elsewhere as well. */
  readonly mayOverlap?: true
  /** Older history need not be found. Default: all of it is wanted. */
  readonly wantedFrom?: number | undefined
  addHistory(slot: Slot, firstOffset: number, endOffset: number): void
}

interface Range {
  readonly first: number
  readonly end: number
}

export async function findHistory(
  files: FileLayer,
  found: FoundJournal,
  logs: Iterable<HistoryKeeper>,
): Promise<void> {
  const keepers = new Map([...logs].map((log) => [log.identityText, log]))
  const past = new Set(found.past)
  const slots = [...found.past, ...found.read].sort((a, b) => b.generation - a.generation)
  let after: ReadonlyMap<string, LogEntry> | undefined
  let generation = slots[0]?.generation
  /** The next slot's first sequence: cycles with this sequence or a higher one are void. */
  let first = Number.POSITIVE_INFINITY
  for (const slot of slots) {
    if ([...keepers.values()].every(hasWhatIsWanted)) return
    // Before a slot that is gone, cycles of failed commits look like stored ones.
    if (slot.generation !== generation) return
    generation--
    if (slot.firstSequence >= first) continue
    if (past.has(slot)) slot.endAt(first)
    const opening = await readOpening(files, slot, useOf(slot))
    if (past.has(slot)) {
      const ranges = between(opening, after) ?? (await readRanges(files, slot, useOf(slot)))
      assign(slot, ranges, keepers)
    }
    after = opening
    first = slot.firstSequence
  }
}

function hasWhatIsWanted({ wantedFrom, start }: HistoryKeeper): boolean {
  return wantedFrom !== undefined && start <= wantedFrom
}

/** The messages between two openings; undefined if a log came to the journal in between. */
function between(
  from: ReadonlyMap<string, LogEntry> | undefined,
  to: ReadonlyMap<string, LogEntry> | undefined,
): ReadonlyMap<string, Range> | undefined {
  if (from === undefined || to === undefined) return undefined
  const ranges = new Map<string, Range>()
  for (const [identity, { end }] of to) {
    const first = from.get(identity)?.end
    if (first === undefined) return undefined
    ranges.set(identity, { first, end })
  }
  return ranges
}

function assign(
  slot: Slot,
  ranges: ReadonlyMap<string, Range>,
  keepers: ReadonlyMap<string, HistoryKeeper>,
): void {
  for (const [identity, { first, end }] of ranges) {
    const log = keepers.get(identity)
    // Only messages without a gap behind them: a reader could not go on across one.
    if (log !== undefined && first < end && adjoins(log, first, end)) {
      log.addHistory(slot, first, end)
    }
  }
}

function adjoins({ start, mayOverlap }: HistoryKeeper, first: number, end: number): boolean {
  return mayOverlap === true ? first < start && start <= end : start === end
}

function useOf({ key, generation, firstSequence, endSequence }: Slot) {
  return { key, generation, firstSequence, endSequence }
}
