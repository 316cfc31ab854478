/** The key of a message's record, and with it the partition. */
import type { Message } from '../../../message.ts'
import { keyTextOf } from '../../rows/message-key.ts'
import type { KafkaOptions } from '../options.ts'
import { keyHash } from './murmur2.ts'

export interface RecordKey {
  readonly bytes: Buffer
  readonly hash: number
}

/** Keys that are kept with their hash. */
const MAX_KEYS = 10_000

export class KeyChooser {
  readonly #textOf: ((message: Message) => string) | undefined
  readonly #known = new Map<string, RecordKey>()

  constructor(rule: KafkaOptions['key']) {
    this.#textOf = rule === 'none' ? undefined : keyTextOf(rule)
  }

  /** Undefined if records have no keys. */
  keyOf(message: Message): RecordKey | undefined {
    const text = this.#textOf?.(message)
    return text === undefined ? undefined : this.#made(text)
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
