/** What messages are kept in order by: their topic, a level of it, or a member of their payload. */
import * as z from 'zod'
import type { Message } from '../../message.ts'
import { payloadOf } from './payload.ts'

const topicLevelKey = z.strictObject({
  topicLevel: z.number().int().min(1).max(128).describe('A level of the topic; the first is 1.'),
})
const fieldKey = z.strictObject({
  field: z
    .string()
    .max(1_000)
    .regex(/^[^.]+(\.[^.]+){0,9}$/, 'must be member names with dots between them')
    .describe('A member of the JSON payload, such as device.id. It must be a text or a number.'),
})

/** For the options of a destination. */
export const partKeys = [topicLevelKey, fieldKey] as const

export type MessageKeyRule = 'topic' | z.output<(typeof partKeys)[number]>

/** The topic if a message has no such level or member, so that its sender's order remains. */
export function keyTextOf(rule: MessageKeyRule): (message: Message) => string {
  if (rule === 'topic') return ({ topic }) => topic
  if ('topicLevel' in rule) {
    const { topicLevel } = rule
    return ({ topic }) => topic.split('/', topicLevel)[topicLevel - 1] || topic
  }
  const path = rule.field.split('.')
  return (message) => fieldOf(message, path) ?? message.topic
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
    if (typeof value !== 'object' || value === null || !isMember(value, name)) return undefined
    value = Reflect.get(value, name)
  }
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Not `length`, which arrays have beside their elements. */
function isMember(value: object, name: string): boolean {
  return Object.prototype.propertyIsEnumerable.call(value, name)
}
