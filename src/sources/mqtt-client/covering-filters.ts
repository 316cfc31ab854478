/**
 * Topic filters that say the same in fewer words. A broker may deliver a message once for each
 * subscription that matches it [MQTT-3.3.5-1], so a filter that another one covers is left out.
 *
 * Filters that overlap without one covering the other (`a/+/c` and `a/b/#`) stay. In MQTT 5 copies
 * are told by their identifiers (`copies.ts`); before, nothing in them tells one message from two.
 */

/** The filters that no other one covers, in their order, each once. */
export function coveringFilters(filters: readonly string[]): readonly string[] {
  const distinct = [...new Set(filters)]
  return distinct.filter(
    (filter) => !distinct.some((other) => other !== filter && covers(other, filter)),
  )
}

/** Whether every topic that `covered` matches is matched by `filter` too. */
export function covers(filter: string, covered: string): boolean {
  if (covered.startsWith('$') && /^[+#]/.test(filter)) return false // [MQTT-4.7.2-1]
  const levels = filter.split('/')
  const coveredLevels = covered.split('/')
  for (const [index, level] of levels.entries()) {
    if (level === '#') return true
    const other = coveredLevels[index]
    if (other === undefined || other === '#') return false
    if (level !== '+' && level !== other) return false
  }
  return levels.length === coveredLevels.length
}

/** Whether there can be a topic that two of them match. */
export function areOverlapping(filters: readonly string[]): boolean {
  return filters.some((one, index) =>
    filters.slice(index + 1).some((other) => overlaps(one, other)),
  )
}

/** Whether there can be a topic that both match. */
export function overlaps(one: string, other: string): boolean {
  const isApart = (filter: string, wild: string) => filter.startsWith('$') && /^[+#]/.test(wild)
  if (isApart(one, other) || isApart(other, one)) return false // [MQTT-4.7.2-1]
  const left = one.split('/')
  const right = other.split('/')
  for (let index = 0; ; index++) {
    const [a, b] = [left[index], right[index]]
    if (a === '#' || b === '#') return true
    if (a === undefined || b === undefined) return a === b
    if (a !== '+' && b !== '+' && a !== b) return false
  }
}
