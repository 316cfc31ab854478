/** Which days of the channels' files are kept: whole days, the newest ones. */
import { dayOf, startOfDay } from './table-file.ts'
import type { ListedFile } from './table-listing.ts'

const DAY_MS = 86_400_000

export interface RetentionRules {
  readonly retentionMs: number
  /** Of all channels together. */
  readonly maxBytes: number
}

/**
 * The first day that is kept, of all channels: of the days before it, every file expires. Today is
 * always kept.
 */
export function firstKeptDay(
  files: Iterable<ListedFile>,
  now: number,
  { retentionMs, maxBytes }: RetentionRules,
): string {
  const today = dayOf(now)
  const byAge = dayOf(now - retentionMs)
  const bytesOf = new Map<string, number>()
  for (const { day, bytes } of files) bytesOf.set(day, (bytesOf.get(day) ?? 0) + bytes)
  const days = [...bytesOf.keys()].filter((day) => day >= byAge).sort()
  let total = days.reduce((sum, day) => sum + (bytesOf.get(day) ?? 0), 0)
  let kept = byAge
  for (const day of days) {
    if (total <= maxBytes || day >= today) break
    total -= bytesOf.get(day) ?? 0
    kept = dayOf(startOfDay(day) + DAY_MS)
  }
  return kept
}
