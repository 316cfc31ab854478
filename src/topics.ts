/**
 * Topic names and topic filters (MQTT 3.1.1 and 5.0, section 4.7): `+` stands for one level, `#` for
 * the rest, its parent level included [MQTT-4.7.1-2, 4.7.1-3].
 */

import { MAX_TOPIC_BYTES } from './message.ts'

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

/** A filter of the configuration, cut into levels once, so that matching splits only the topic. */
export class TopicFilter {
  readonly text: string
  readonly #levels: Levels

  /** @param text a valid filter: the configuration has been checked */
  constructor(text: string) {
    this.text = text
    this.#levels = text.split('/')
  }

  matches(topic: string): boolean {
    // A topic with more levels needs no more of them to be compared.
    return covers(this.#levels, topic.split('/', this.#levels.length + 1))
  }
}

/** What is wrong with a topic filter, as "expected …"; undefined if it is valid. */
export function faultOfTopicFilter(filter: string): string | undefined {
  if (filter === '') return 'expected a topic filter of at least one character'
  if (Buffer.byteLength(filter) > MAX_TOPIC_BYTES) {
    return `expected a topic filter of at most ${MAX_TOPIC_BYTES} bytes`
  }
  if (filter.includes('\u0000') || Buffer.from(filter).toString() !== filter) {
    return 'expected a topic filter of valid UTF-8 without U+0000'
  }
  if (filter.startsWith('$share/')) {
    return 'expected a plain topic filter; a shared subscription is set with sources.mqttClient'
  }
  const levels = filter.split('/')
  const hash = levels.findIndex((level) => level.includes('#'))
  if (hash !== -1 && (levels[hash] !== '#' || hash !== levels.length - 1)) {
    return 'expected # only as the whole last level, such as factory/#'
  }
  if (levels.some((level) => level.includes('+') && level !== '+')) {
    return 'expected + only as a whole level, such as factory/+/temperature'
  }
  return undefined
}
