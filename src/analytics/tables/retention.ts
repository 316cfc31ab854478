/** Which days of the channels' files are kept: whole days, the newest ones. */
import { dayOf, startOfDay } from './table-file.ts'
import type { ListedFile } from './table-listing.ts'

const DAY_MS = 86_400_000

export interface RetentionRules {
  readonly retentionMs: number
  /** Of all channels together. */
  readonly maxBytes: number
  /** From this day on, files are kept whatever their age is. */
  readonly heldFrom?: string | undefined
}

/**
 * The first day that is kept, of all channels: of the days before it, every file expires. Today is
 * always kept.
 */
export function firstKeptDay(
  files: Iterable<ListedFile>,
  now: number,
  { retentionMs, maxBytes, heldFrom }: RetentionRules,
): string {
  const today = dayOf(now)
  const expired = dayOf(now - retentionMs)
  const byAge = heldFrom !== undefined && heldFrom < expired ? heldFrom : expired
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

/** By channel: the first day with a file that waits for its upload. */
export type WaitingDays = ReadonlyMap<string, string>

export interface ChannelRules extends RetentionRules {
  /** Of the channel's definition, which can only shorten what the settings say. */
  readonly retentionDaysOf?: ((channel: string) => number | undefined) | undefined
}

/** Files wait beyond their age, but not beyond `maxBytes`. By channel: days before it expire. */
export function keptDays(
  files: Iterable<ListedFile>,
  now: number,
  rules: ChannelRules,
  waiting: WaitingDays,
): (channel: string) => string {
  const [heldFrom] = [...waiting.values()].sort()
  const kept = firstKeptDay(files, now, { ...rules, heldFrom })
  return (channel) => {
    const days = rules.retentionDaysOf?.(channel) ?? Number.POSITIVE_INFINITY
    const byAge = dayOf(Math.max(0, now - Math.min(rules.retentionMs, days * DAY_MS)))
    const own = earlier(byAge, waiting.get(channel))
    return [own, kept].sort().at(-1) ?? own
  }
}

function earlier(day: string, other: string | undefined): string {
  return other !== undefined && other < day ? other : day
}
