/** Which rows go to the file of which day. */
import type { OffsetRange } from '../../../channels/log/channel-log.ts'

export interface DayRange extends OffsetRange {
  readonly day: string
}

/**
 * Divides `range` by the days of its rows, so that every offset is in one of the results. If the
 * clock was set back over midnight, days overlap; the later day then has the rows of both, because a
 * file has all rows of its range.
 * @param days each day with its first row and the offset after its last
 */
export function dayRanges({ from, to }: OffsetRange, days: readonly DayRange[]): DayRange[] {
  const ranges: { day: string; from: number; to: number }[] = []
  for (const found of [...days].sort((left, right) => left.from - right.from)) {
    const before = ranges.at(-1)
    if (before === undefined || found.from >= before.to) {
      ranges.push({ ...found })
      continue
    }
    before.to = Math.max(before.to, found.to)
    if (found.day > before.day) before.day = found.day
  }
  // Offsets without rows belong to the range before them, so that no file claims less than was read.
  return ranges.map(({ day }, index) => ({
    day,
    from: index === 0 ? from : (ranges[index]?.from ?? from),
    to: ranges[index + 1]?.from ?? to,
  }))
}
