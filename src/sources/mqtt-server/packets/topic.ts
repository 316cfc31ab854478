/** The syntax of topic names and topic filters (MQTT 3.1.1 and 5.0, section 4.7). */

/** `$share/<group>/<filter>`: the members of a group share the messages of a subscription. */
export interface SharedFilter {
  readonly group: string
  readonly filter: string
}

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

export function isSharedFilter(filter: string): boolean {
  return filter.startsWith('$share/') || filter === '$share'
}

/** MQTT 5.0, section 4.8.2. Undefined if group or filter are missing or invalid [MQTT-4.8.2-1]. */
export function parseSharedFilter(text: string): SharedFilter | undefined {
  const [, group, ...rest] = text.split('/')
  const filter = rest.join('/')
  if (group === undefined || group.length === 0 || /[+#]/.test(group)) return undefined
  return isTopicFilter(filter) ? { group, filter } : undefined
}

/** Whether a filter that begins with `#` or `+` does not match `topic` [MQTT-4.7.2-1]. */
export function isSystemTopic(topic: string): boolean {
  return topic.startsWith('$')
}
