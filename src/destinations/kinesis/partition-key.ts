/** The partition key of a message's record. */
import { hash } from 'node:crypto'
import type { Message } from '../../message.ts'
import { keyTextOf } from '../rows/message-key.ts'
import type { KinesisOptions } from './options.ts'

const MAX_CHARACTERS = 256

/** Never empty, and at most 256 characters. */
export function partitionKeyOf(rule: KinesisOptions['partitionKey']): (message: Message) => string {
  const textOf = keyTextOf(rule)
  return (message) => fitted(textOf(message))
}

/** The same long text always becomes the same key. */
function fitted(text: string): string {
  if (text === '') return '-'
  return text.length <= MAX_CHARACTERS ? text : hash('sha256', text)
}
