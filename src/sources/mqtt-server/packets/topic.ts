/** What only the MQTT server has to know of topics: shared filters and system topics. */
import { isTopicFilter } from '../../../topics.ts'

/** `$share/<group>/<filter>`: the members of a group share the messages of a subscription. */
export interface SharedFilter {
  readonly group: string
  readonly filter: string
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
