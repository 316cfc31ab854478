/**
 * Reduces a list of topic filters. A broker may deliver a message once for each subscription that
 * matches it [MQTT-3.3.5-1], so a filter that another one covers is left out.
 *
 * Filters that overlap without one covering the other (`a/+/c` and `a/b/#`) stay. In MQTT 5 their
 * copies are recognized by subscription identifier (`duplicate-filter.ts`). Before MQTT 5 nothing
 * distinguishes a copy from a second message.
 */
import { covers as coversLevels, overlaps as overlapLevels } from '../../topics.ts'

/** The filters that no other one covers, in their order, each once. */
export function coveringFilters(filters: readonly string[]): readonly string[] {
  const distinct = [...new Set(filters)]
  return distinct.filter(
    (filter) => !distinct.some((other) => other !== filter && covers(other, filter)),
  )
}

/** Whether every topic that `covered` matches is matched by `filter` too. */
export function covers(filter: string, covered: string): boolean {
  return coversLevels(filter.split('/'), covered.split('/'))
}

/** Whether some topic can match two of them. */
export function areOverlapping(filters: readonly string[]): boolean {
  return filters.some((one, index) =>
    filters.slice(index + 1).some((other) => overlaps(one, other)),
  )
}

/** Whether some topic can match both. */
export function overlaps(one: string, other: string): boolean {
  return overlapLevels(one.split('/'), other.split('/'))
}
