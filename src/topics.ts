/**
 * Topic names and topic filters (MQTT 3.1.1 and 5.0, section 4.7): `+` stands for one level, `#` for
 * the rest, its parent level included [MQTT-4.7.1-2, 4.7.1-3].
 */

/** Receipts go here. Only the connector publishes on it. Specification, "Output Data". */
export const STATUS_TOPIC = 'iotanalytics/messages/put/status'

/** A topic or a filter, cut into its levels. */
export type Levels = readonly string[]

/** A name has at least one character [MQTT-4.7.3-1] and no wildcard [MQTT-3.3.2-2]. */
export function isTopicName(topic: string): boolean {
  return topic.length > 0 && !topic.includes('#') && !topic.includes('+') && !topic.includes('\0')
}

/** `#` is alone in the last level [MQTT-4.7.1-2], `+` is alone in its level [MQTT-4.7.1-3]. */
export function isTopicFilter(filter: string): boolean {
  if (filter.length === 0 || filter.includes('\0')) return false
  const levels = filter.split('/')
  const last = levels.length - 1
  return levels.every((level, i) => {
    if (level === '#') return i === last
    return level === '+' || !(level.includes('+') || level.includes('#'))
  })
}

/** Whether `filter` matches every topic that `covered` matches. A topic is a filter too. */
export function covers(filter: Levels, covered: Levels): boolean {
  if (isKeptApart(filter, covered)) return false
  for (let i = 0; ; i++) {
    const allowed = filter[i]
    const wanted = covered[i]
    if (allowed === '#') return true
    if (allowed === undefined || wanted === undefined) return allowed === wanted
    if (wanted === '#') return false
    if (allowed !== '+' && allowed !== wanted) return false
  }
}

/** Whether some topic can match both. */
export function overlaps(one: Levels, other: Levels): boolean {
  if (isKeptApart(one, other) || isKeptApart(other, one)) return false
  for (let i = 0; ; i++) {
    const left = one[i]
    const right = other[i]
    if (left === '#' || right === '#') return true
    if (left === undefined || right === undefined) return left === right
    if (left !== '+' && right !== '+' && left !== right) return false
  }
}

/** A filter that begins with a wildcard matches no topic that begins with `$` [MQTT-4.7.2-1]. */
function isKeptApart(filter: Levels, other: Levels): boolean {
  return (filter[0] === '#' || filter[0] === '+') && other[0]?.startsWith('$') === true
}
