/** A topic filter as `inputs` takes it: MQTT 3.1.1, section 4.7. */
import * as z from 'zod'
import { MAX_TOPIC_BYTES } from '../../message.ts'

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

export const topicFilter = z
  .string()
  .check((context) => {
    const fault = faultOfTopicFilter(context.value)
    if (fault === undefined) return
    context.issues.push({
      code: 'custom',
      message: fault,
      input: context.value,
      params: { showsValue: true },
    })
  })
  .meta({
    description: 'A topic filter: + stands for one level, # for the rest.',
    examples: ['factory/#'],
  })
