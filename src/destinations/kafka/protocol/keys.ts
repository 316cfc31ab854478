/** The key of a message's record, and with it the partition. */
import type { Message } from '../../../message.ts'
import { payloadOf } from '../../rows/payload.ts'
import type { KafkaOptions } from '../options.ts'
import { keyHash } from './murmur2.ts'

export interface RecordKey {
  readonly bytes: Buffer
  readonly hash: number
}

/** Keys that are kept with their hash. */
const MAX_KEYS = 10_000

export class KeyChooser {
  readonly #rule: KafkaOptions['key']
  readonly #known = new Map<string, RecordKey>()

  constructor(rule: KafkaOptions['key']) {
    this.#rule = rule
  }

  /** Undefined if records have no keys. */
  keyOf(message: Message): RecordKey | undefined {
    const rule = this.#rule
    if (rule === 'none') return undefined
    return this.#made(rule === 'topic' ? message.topic : textOf(rule, message))
  }

  #made(text: string): RecordKey {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    if (this.#known.size >= MAX_KEYS) this.#known.clear()
    const bytes = Buffer.from(text)
    const key = { bytes, hash: keyHash(bytes) }
    this.#known.set(text, key)
    return key
  }
}

type FieldRule = Exclude<KafkaOptions['key'], string>

/** The topic if the message has no such level or field, so that its sender's order remains. */
function textOf(rule: FieldRule, message: Message): string {
  if ('topicLevel' in rule) {
    return message.topic.split('/', rule.topicLevel)[rule.topicLevel - 1] || message.topic
  }
  return fieldOf(message, rule.field.split('.')) ?? message.topic
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
