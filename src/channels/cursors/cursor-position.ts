/**
 * The bookkeeping of one cursor: which messages are settled, which are in flight, and the counts
 * of what became of them. No I/O; everything is in one place, so that it always adds up:
 *
 *     base + delivered + rejected + Σ dropped = position + settled above it
 *
 *        settled        in flight   settled    free        dropped before its commit
 *     ──────────────┬──────────────┬───────┬───────────┬──────────┬─┬──────▶ offsets
 *                position                          committed              end
 *
 * `base` counts the messages that were in the log before the cursor came, or were settled by a
 * state that is lost.
 */
import type { CursorState, OffsetRange } from '../log/channel-log.ts'
import { collapsedOffset, OffsetRanges } from '../log/offset-ranges.ts'

/** Offsets `from ≤ x < to`, dropped for one reason. */
export interface Drop extends OffsetRange {
  readonly code: string
}

interface UncommittedDrop {
  readonly from: number
  to: number
  readonly code: string
}

export class CursorPosition {
  /**
   * What the batch under way consists of, from its first offset to its last. It is part of the state,
   * so that the batch is the same after a crash. Undefined again when all of it is settled.
   */
  plan: OffsetRange | undefined
  #position: number
  #base: number
  #inFlight = 0
  #delivered = 0
  #rejected = 0
  #dropped: Record<string, number> = {}
  /** Settled at or above `position`. */
  readonly #settled = new OffsetRanges()
  /** Settled or in flight: these can't be leased. */
  readonly #taken = new OffsetRanges()
  /** Dropped before their commit, ascending. If the commit fails, they are undone. */
  #uncommittedDrops: UncommittedDrop[] = []

  /** A cursor that begins at `start`. */
  constructor(start: number) {
    this.#position = start
    this.#base = start
  }

  /**
   * As it was written down. A state that doesn't fit the log (it lagged, was damaged, or comes from
   * elsewhere) is cut to fit. Messages that are gone from the beginning of the log and were not
   * settled count as lost, not as delivered.
   */
  static restored(state: CursorState, start: number, committed: number): CursorPosition {
    const cursor = new CursorPosition(Math.min(Math.max(state.position, start), committed))
    for (const range of state.settled) {
      cursor.#settled.add(
        Math.max(range.from, cursor.#position),
        Math.min(Math.max(range.to, cursor.#position), committed),
      )
    }
    for (const range of cursor.#settled) cursor.#taken.add(range.from, range.to)
    const lost = unsettledBelow(start, state)
    const { DataDamaged: damaged = 0 } = state.dropped
    cursor.#dropped =
      lost === 0 ? { ...state.dropped } : { ...state.dropped, DataDamaged: damaged + lost }
    const dropped = sumOf(cursor.#dropped)
    const settled = cursor.#position + cursor.#settled.size
    cursor.#base = settled - state.delivered - state.rejected - dropped
    cursor.#delivered = state.delivered
    cursor.#rejected = state.rejected
    if (cursor.#base < 0) {
      // The counts exceed the log: correct the deliveries first, because those are repeated.
      cursor.#delivered += cursor.#base
      cursor.#base = 0
      if (cursor.#delivered < 0) cursor.#forgetCounts(settled)
    }
    if (state.plan !== undefined && state.plan.to <= committed) cursor.plan = { ...state.plan }
    cursor.advance(committed)
    return cursor
  }

  /** Every message below is settled. Never above the log's `committed`. */
  get position(): number {
    return this.#position
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Messages in the log before the cursor came. */
  get base(): number {
    return this.#base
  }

  get delivered(): number {
    return this.#delivered
  }

  get rejected(): number {
    return this.#rejected
  }

  get dropped(): Readonly<Record<string, number>> {
    return this.#dropped
  }

  /** The number of settled offsets, all those below `position` included. */
  get settledCount(): number {
    return this.#position + this.#settled.size
  }

  /** The number of offsets below `end` that are not settled; those in flight included. */
  unsettled(end: number): number {
    return end - this.settledCount
  }

  /** The number of committed messages that are neither settled nor in flight. */
  waiting(committed: number): number {
    let uncommitted = 0
    for (const drop of this.#uncommittedDrops) uncommitted += overlap(drop, committed, drop.to)
    return committed - this.#position - (this.#settled.size - uncommitted) - this.#inFlight
  }

  isSettled(offset: number): boolean {
    return offset < this.#position || this.#settled.has(offset)
  }

  /** The oldest offset that is neither settled nor in flight. May be at or above `committed`. */
  get oldestFree(): number {
    return this.#taken.firstGap(this.#position)
  }

  /** The first offset at or after `from` that is neither settled nor in flight. */
  freeFrom(from: number): number {
    return this.#taken.firstGap(Math.max(from, this.#position))
  }

  isInFlight(offset: number): boolean {
    return this.#taken.has(offset) && !this.#settled.has(offset)
  }

  /** Where the free run that begins at `from` ends, `limit` at most. */
  freeUntil(from: number, limit: number): number {
    return this.#taken.gapEnd(from, limit)
  }

  /** Puts free offsets in flight. */
  take(from: number, to: number): void {
    this.#taken.add(from, to)
    this.#inFlight += to - from
  }

  /** Makes offsets in flight free again: they keep their place. */
  release(from: number, to: number): void {
    this.#taken.delete(from, to)
    this.#inFlight -= to - from
  }

  deliver(from: number, to: number): void {
    this.#settle(from, to)
    this.#delivered += to - from
  }

  reject(from: number, to: number): void {
    this.#settle(from, to)
    this.#rejected += to - from
  }

  /** Drops offsets that are in flight. */
  dropTaken(from: number, to: number, code: string): void {
    this.#settle(from, to)
    count(this.#dropped, code, to - from)
  }

  /** Drops offsets that are free; those from `committed` on are undone if their commit fails. */
  dropFree(from: number, to: number, code: string, committed: number): void {
    this.#settled.add(from, to)
    this.#taken.add(from, to)
    count(this.#dropped, code, to - from)
    if (to <= committed) return
    const last = this.#uncommittedDrops.at(-1)
    if (last?.to === from && last.code === code) last.to = to
    else this.#uncommittedDrops.push({ from: Math.max(from, committed), to, code })
  }

  /** Drops all free offsets within a range; returns how many there were. */
  dropAllFree(range: OffsetRange, code: string, committed: number): number {
    let dropped = 0
    for (let from = this.freeFrom(range.from); from < range.to; from = this.freeFrom(from)) {
      const to = this.freeUntil(from, range.to)
      this.dropFree(from, to, code, committed)
      dropped += to - from
    }
    this.advance(committed)
    return dropped
  }

  /** Moves the position past settled offsets. To be called after settling and after a commit. */
  advance(committed: number): void {
    while (this.#uncommittedDrops.length > 0 && (this.#uncommittedDrops[0]?.to ?? 0) <= committed) {
      this.#uncommittedDrops.shift()
    }
    const position = Math.min(this.#settled.firstGap(this.#position), committed)
    if (this.plan !== undefined && this.plan.to <= position) this.plan = undefined
    if (position === this.#position) return
    this.#position = position
    this.#settled.deleteBelow(position)
    this.#taken.deleteBelow(position)
  }

  /** The staged offsets `from ≤ x < to` could not be committed: see `collapsedOffset`. */
  collapse(from: number, to: number): void {
    const drops = this.#uncommittedDrops
    this.#uncommittedDrops = []
    for (const drop of drops) {
      count(this.#dropped, drop.code, -overlap(drop, from, to))
      const rest = {
        code: drop.code,
        from: collapsedOffset(drop.from, from, to),
        to: collapsedOffset(drop.to, from, to),
      }
      if (rest.from < rest.to) this.#uncommittedDrops.push(rest)
    }
    this.#settled.collapse(from, to)
    this.#taken.collapse(from, to)
  }

  /**
   * The state to write down. It leaves out two kinds of settled offsets: those at or above
   * `committed`, because after a crash other messages may get them; and the drops in `unreported`,
   * because after a crash they would never be reported to their senders.
   */
  state(committed: number, unreported: Iterable<Drop>): CursorState {
    const dropped = { ...this.#dropped }
    const settled = new OffsetRanges()
    for (const { from, to } of this.#settled) settled.add(from, Math.min(to, committed))
    let position = this.#position
    for (const drop of unreported) {
      if (drop.from >= position) continue
      settled.add(drop.from, position)
      position = drop.from
    }
    for (const { from, to, code } of unreported) {
      const end = Math.min(to, committed)
      settled.delete(from, end)
      if (end > from) count(dropped, code, from - end)
    }
    for (const drop of this.#uncommittedDrops) {
      count(dropped, drop.code, -overlap(drop, committed, drop.to))
    }
    return {
      position,
      settled: Array.from(settled, ({ from, to }) => ({ from, to })),
      delivered: this.#delivered,
      rejected: this.#rejected,
      dropped,
      ...(this.plan === undefined ? {} : { plan: this.plan }),
    }
  }

  #settle(from: number, to: number): void {
    this.#settled.add(from, to)
    this.#inFlight -= to - from
  }

  #forgetCounts(settled: number): void {
    this.#base = settled
    this.#delivered = 0
    this.#rejected = 0
    this.#dropped = {}
  }
}

/** Adds to one code's count; a code that counts nothing is not there. */
function count(counts: Record<string, number>, code: string, change: number): void {
  const sum = (counts[code] ?? 0) + change
  if (sum === 0) delete counts[code]
  else counts[code] = sum
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  let sum = 0
  for (const count of Object.values(counts)) sum += count
  return sum
}

function overlap(range: OffsetRange, from: number, to: number): number {
  return Math.max(0, Math.min(range.to, to) - Math.max(range.from, from))
}

/** Messages below `start` that the state does not call settled. */
function unsettledBelow(start: number, { position, settled }: CursorState): number {
  let count = Math.max(0, start - position)
  for (const { from, to } of settled) {
    count -= Math.max(0, Math.min(to, start) - Math.max(from, position))
  }
  return Math.max(0, count)
}
