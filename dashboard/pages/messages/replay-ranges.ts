/** Which dead letters a replay is asked for, and where they go. */
import type { DeadLetter } from '../../../src/http/api/shapes/messages.ts'

/** Offsets `from ≤ x < to`; without `to`: up to the newest one at the first request. */
export interface OffsetRange {
  readonly from: number
  readonly to?: number
}

/** The fewest ranges that have the chosen letters and none of the others that are shown. */
export function rangesOf(
  letters: readonly DeadLetter[],
  chosen: ReadonlySet<number>,
): readonly OffsetRange[] {
  const ranges: { from: number; to: number }[] = []
  let isOpen = false
  for (const { offset } of letters) {
    const last = ranges.at(-1)
    if (!chosen.has(offset)) isOpen = false
    else if (isOpen && last !== undefined) last.to = offset + 1
    else {
      ranges.push({ from: offset, to: offset + 1 })
      isOpen = true
    }
  }
  return ranges
}

/** Where letters go, such as `2 to line_1, 1 through routing`, the largest group first. */
export function waysOf(letters: readonly DeadLetter[]): readonly (readonly [string, number])[] {
  const ways = new Map<string, number>()
  for (const { channel, destination } of letters) {
    const way = destination === undefined ? 'through routing' : `to ${channel}`
    ways.set(way, (ways.get(way) ?? 0) + 1)
  }
  return [...ways].sort(([, one], [, other]) => other - one)
}
