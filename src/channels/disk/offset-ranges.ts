/** Sets of offsets as ascending, disjoint ranges. */
import type { OffsetRange } from '../channel-log.ts'

/** Adds a range in place, joining what touches it. */
export function addRange(ranges: OffsetRange[], added: OffsetRange): void {
  if (added.to <= added.from) return
  let first = 0
  while ((ranges[first]?.to ?? Number.POSITIVE_INFINITY) < added.from) first++
  let after = first
  let { from, to } = added
  for (let next = ranges[after]; next !== undefined && next.from <= to; next = ranges[after]) {
    from = Math.min(from, next.from)
    to = Math.max(to, next.to)
    after++
  }
  ranges.splice(first, after - first, { from, to })
}

/** The first offset at or after `offset` that no range holds. */
export function coveredUpTo(ranges: readonly OffsetRange[], offset: number): number {
  for (const range of ranges) {
    if (range.from > offset) break
    if (offset < range.to) return range.to
  }
  return offset
}
