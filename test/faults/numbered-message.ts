/**
 * Messages that name their sender and their number, and show whether a byte was changed.
 *
 *     p1/4711/3f9a… (sha-256 of `p1/4711`, repeated to many lengths)
 */
import { createHash } from 'node:crypto'

export interface MessageName {
  readonly publisher: string
  readonly number: number
}

/** Every 97th message is large. */
const LARGE_EVERY = 97
const LARGE_REPEATS = 250
/** All messages of publishers whose names begin like this have about 4 KB. */
export const BULKY_PREFIX = 'bulky'
const BULKY_REPEATS = 60

export function payloadOf({ publisher, number }: MessageName): string {
  const digest = createHash('sha256').update(`${publisher}/${number}`).digest('hex')
  return `${publisher}/${number}/${digest.repeat(repeatsOf(publisher, number))}`
}

function repeatsOf(publisher: string, number: number): number {
  if (publisher.startsWith(BULKY_PREFIX)) return BULKY_REPEATS
  return number % LARGE_EVERY === LARGE_EVERY - 1 ? LARGE_REPEATS : 1 + (number % 7)
}

/** Which message it is; undefined when it is not one of these, or was changed. */
export function nameOf(payload: Buffer): MessageName | undefined {
  const text = payload.toString('latin1')
  const [publisher = '', number = ''] = text.split('/', 2)
  const name = { publisher, number: Number(number) }
  return Number.isSafeInteger(name.number) && payloadOf(name) === text ? name : undefined
}

/** The sender's id of the message, as in its receipt. */
export function idOf({ publisher, number }: MessageName): string {
  return `${publisher}-${number}`
}

export function nameOfId(id: string): MessageName | undefined {
  const [publisher = '', number = ''] = id.split('-', 2)
  return /^\d+$/.test(number) ? { publisher, number: Number(number) } : undefined
}
