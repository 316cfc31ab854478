/** What topic names and topic filters may look like (MQTT 3.1.1 and 5.0, section 4.7). */

/** `$share/<group>/<filter>`: a subscription whose messages are divided among the group. */
export interface SharedFilter {
  readonly group: string
  readonly filter: string
}

/** Names are at least one character long [MQTT-4.7.3-1] and hold no wildcard [MQTT-3.3.2-2]. */
export function isTopicName(topic: string): boolean {
  return topic.length > 0 && !topic.includes('#') && !topic.includes('+') && !topic.includes('\0')
}

/** `#` stands alone as the last level [MQTT-4.7.1-2], `+` alone in its level [MQTT-4.7.1-3]. */
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

/** MQTT 5.0, section 4.8.2; undefined when group or filter are missing or wrong [MQTT-4.8.2-1]. */
export function parseSharedFilter(text: string): SharedFilter | undefined {
  const [, group, ...rest] = text.split('/')
  const filter = rest.join('/')
  if (group === undefined || group.length === 0 || /[+#]/.test(group)) return undefined
  return isTopicFilter(filter) ? { group, filter } : undefined
}

/** Whether `#` and `+` at the front keep their hands off `topic` [MQTT-4.7.2-1]. */
export function isSystemTopic(topic: string): boolean {
  return topic.startsWith('$')
}
