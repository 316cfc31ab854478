/** The partition key of a message's record. */
import { hash } from 'node:crypto'
import type { Message } from '../../message.ts'
import { payloadOf } from '../rows/payload.ts'
import type { KinesisOptions } from './options.ts'

const MAX_CHARACTERS = 256

type Rule = KinesisOptions['partitionKey']

/** Never empty, and at most 256 characters. */
export function partitionKeyOf(rule: Rule): (message: Message) => string {
  if (rule === 'topic') return ({ topic }) => fitted(topic)
  if ('topicLevel' in rule) {
    const { topicLevel } = rule
    return ({ topic }) => fitted(topic.split('/', topicLevel)[topicLevel - 1] || topic)
  }
  const path = rule.field.split('.')
  return (message) => fitted(fieldOf(message, path) ?? message.topic)
}

/** The same long text always becomes the same key. */
function fitted(text: string): string {
  if (text === '') return '-'
  return text.length <= MAX_CHARACTERS ? text : hash('sha256', text)
}

function fieldOf(message: Message, path: readonly string[]): string | undefined {
  const { bytes, start, stop } = payloadOf(message)
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8', start, stop))
  } catch {
    return undefined
  }
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = Reflect.get(value, name)
  }
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}
