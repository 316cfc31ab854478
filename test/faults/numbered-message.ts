/**
 * Messages that say who sent them and which they are, and show when a byte of them was changed.
 *
 *     p1/4711/3f9a… (sha-256 of `p1/4711`, repeated to many lengths)
 */
import { createHash } from 'node:crypto'

export interface MessageName {
  readonly publisher: string
  readonly number: number
}

/** Every so many messages one is large. */
const LARGE_EVERY = 97
const LARGE_REPEATS = 250

export function payloadOf({ publisher, number }: MessageName): string {
  const digest = createHash('sha256').update(`${publisher}/${number}`).digest('hex')
  const repeats = number % LARGE_EVERY === LARGE_EVERY - 1 ? LARGE_REPEATS : 1 + (number % 7)
  return `${publisher}/${number}/${digest.repeat(repeats)}`
}

/** Which message it is; undefined when it is none, or not as it was sent. */
export function nameOf(payload: Buffer): MessageName | undefined {
  const text = payload.toString('latin1')
  const [publisher = '', number = ''] = text.split('/', 2)
  const name = { publisher, number: Number(number) }
  return Number.isSafeInteger(name.number) && payloadOf(name) === text ? name : undefined
}

/** A sender's id for the message, as it stands in its receipt. */
export function idOf({ publisher, number }: MessageName): string {
  return `${publisher}-${number}`
}

export function nameOfId(id: string): MessageName | undefined {
  const [publisher = '', number = ''] = id.split('-', 2)
  return /^\d+$/.test(number) ? { publisher, number: Number(number) } : undefined
}
