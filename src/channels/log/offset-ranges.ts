/**
 * A set of offsets kept as ranges. Cursors settle nearly in order, so there are few ranges however
 * many offsets there are, and a lookup is a short binary search.
 *
 *     ──███───────█──██████████───▶ offsets      3 ranges, ascending, never touching
 */
import type { OffsetRange } from './channel-log.ts'

interface MutableRange {
  from: number
  to: number
}

/**
 * The new number of `offset` when the staged messages `from ≤ x < to` could not be committed.
 * Messages above them move down to `from`, because the log has no gaps; an offset among them
 * becomes `from`.
 */
export function collapsedOffset(offset: number, from: number, to: number): number {
  return offset <= from ? offset : Math.max(from, offset - (to - from))
}

export class OffsetRanges implements Iterable<OffsetRange> {
  readonly #ranges: MutableRange[] = []
  #size = 0

  /** How many offsets are in the set. */
  get size(): number {
    return this.#size
  }

  constructor(ranges: Iterable<OffsetRange> = []) {
    for (const { from, to } of ranges) this.add(from, to)
  }

  /** Adds `from ≤ x < to`, whether or not some of it is there already. */
  add(from: number, to: number): void {
    if (from >= to) return
    const first = this.#firstEndingAtOrAfter(from)
    let last = first
    let start = from
    let end = to
    for (let range = this.#ranges[last]; range !== undefined && range.from <= to; ) {
      if (range.from < start) start = range.from
      if (range.to > end) end = range.to
      this.#size -= range.to - range.from
      last += 1
      range = this.#ranges[last]
    }
    this.#size += end - start
    const merged = this.#ranges[first]
    if (last === first + 1 && merged !== undefined) {
      merged.from = start
      merged.to = end
    } else {
      this.#ranges.splice(first, last - first, { from: start, to: end })
    }
  }

  /** Takes `from ≤ x < to` out, whether or not all of it is there. */
  delete(from: number, to: number): void {
    if (from >= to) return
    let index = this.#firstEndingAtOrAfter(from + 1)
    for (let range = this.#ranges[index]; range !== undefined && range.from < to; ) {
      const { from: start, to: end } = range
      this.#size -= Math.min(end, to) - Math.max(start, from)
      if (start < from && end > to) {
        range.to = from
        this.#ranges.splice(index + 1, 0, { from: to, to: end })
        return
      }
      if (start < from) {
        range.to = from
        index += 1
      } else if (end > to) {
        range.from = to
        return
      } else {
        this.#ranges.splice(index, 1)
      }
      range = this.#ranges[index]
    }
  }

  /** Takes out everything below `offset`. */
  deleteBelow(offset: number): void {
    const first = this.#ranges[0]
    if (first !== undefined && first.from < offset) this.delete(first.from, offset)
  }

  /** Takes `from ≤ x < to` out of the numbering itself: see `collapsedOffset`. */
  collapse(from: number, to: number): void {
    this.delete(from, to)
    const above: OffsetRange[] = this.#ranges.splice(this.#firstEndingAtOrAfter(from + 1))
    for (const range of above) {
      this.#size -= range.to - range.from
      this.add(collapsedOffset(range.from, from, to), collapsedOffset(range.to, from, to))
    }
  }

  has(offset: number): boolean {
    const range = this.#ranges[this.#firstEndingAtOrAfter(offset + 1)]
    return range !== undefined && range.from <= offset
  }

  /** The first offset at or after `from` that is not in the set. */
  firstGap(from: number): number {
    const range = this.#ranges[this.#firstEndingAtOrAfter(from + 1)]
    return range !== undefined && range.from <= from ? range.to : from
  }

  /** Where the gap that `from` lies in ends, `limit` at most. `from` itself is not in the set. */
  gapEnd(from: number, limit: number): number {
    const range = this.#ranges[this.#firstEndingAtOrAfter(from + 1)]
    return range === undefined || range.from > limit ? limit : range.from
  }

  [Symbol.iterator](): Iterator<OffsetRange> {
    return this.#ranges[Symbol.iterator]()
  }

  /** Index of the first range with `to ≥ offset`; the number of ranges if there is none. */
  #firstEndingAtOrAfter(offset: number): number {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ranges[middle]?.to ?? offset) < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Where the first of the runs above `offset` begins; `Infinity` if there is none. */
export function firstAbove(offset: number, runs: readonly OffsetRange[]): number {
  let first = Number.POSITIVE_INFINITY
  for (const { from } of runs) if (from > offset && from < first) first = from
  return first
}
