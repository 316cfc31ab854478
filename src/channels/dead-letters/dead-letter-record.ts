/**
 * A dead letter, and how it is written as a message of its log:
 *
 *     payload:   length of the header, 4 bytes │ header, JSON │ the message's payload
 *
 * Topic and sender's id are those of the log's message.
 */
import type { Draft, Message, Refusal } from '../../message.ts'

const LENGTH_BYTES = 4
/** The latest time that a `Date` can be. */
const MAX_TIME_MS = 8.64e15

export interface DeadLetter {
  /** The channel it was for, as the sender wrote it: it need not be a name a channel can have. */
  readonly channel: string
  /**
   * The destination that rejected it; undefined when it was refused before it came to its channel.
   */
  readonly destination: string | undefined
  readonly refusal: Refusal
  readonly topic: string
  readonly receivedAt: number
  readonly senderId: string | undefined
  readonly messageId: string | undefined
  readonly payload: Buffer
}

/** A dead letter read back, with its offset, which `DeadLetters.remove` takes. */
export interface KeptDeadLetter extends DeadLetter {
  readonly offset: number
  /** When it was kept; milliseconds since 1970. */
  readonly keptAt: number
}

/** As written: `reader` is the destination's name on disk. */
interface Header extends Pick<DeadLetter, 'channel' | 'refusal' | 'receivedAt' | 'messageId'> {
  readonly reader: string | undefined
}

export function deadLetterDraft(letter: DeadLetter, now: number): Draft {
  const { channel, destination, refusal, receivedAt, messageId, topic, senderId, payload } = letter
  const fields: Header = { channel, reader: destination, refusal, receivedAt, messageId }
  const header = Buffer.from(JSON.stringify(fields))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(header.length)
  const bytes = Buffer.concat([length, header, payload])
  return {
    receivedAt: now,
    topic,
    id: senderId,
    text: undefined,
    bytes,
    start: 0,
    end: bytes.length,
    reply: undefined,
  }
}

/** Undefined when the message is not a dead letter. */
export function readDeadLetter(message: Message): KeptDeadLetter | undefined {
  const { payload, offset, topic, senderId } = message
  if (payload.length < LENGTH_BYTES) return undefined
  const end = LENGTH_BYTES + payload.readUInt32BE(0)
  if (end > payload.length) return undefined
  const header = parseHeader(payload.toString('utf8', LENGTH_BYTES, end))
  if (header === undefined) return undefined
  const { reader: destination, channel, refusal, receivedAt, messageId } = header
  return {
    channel,
    destination,
    refusal,
    topic,
    receivedAt,
    senderId,
    messageId,
    payload: payload.subarray(end),
    offset,
    keptAt: message.receivedAt,
  }
}

/** A right checksum proves nothing about the shape: another version may have written it. */
function parseHeader(text: string): Header | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { channel, refusal, receivedAt, reader, messageId }: Fields<Header> = value
  const isHeader =
    typeof channel === 'string' &&
    isRefusal(refusal) &&
    isTime(receivedAt) &&
    isTextOrAbsent(reader) &&
    isTextOrAbsent(messageId)
  return isHeader ? { channel, refusal, receivedAt, reader, messageId } : undefined
}

type Fields<T> = Partial<Record<keyof T, unknown>>

function isRefusal(value: unknown): value is Refusal {
  if (typeof value !== 'object' || value === null) return false
  const { error, message }: Fields<Refusal> = value
  return typeof error === 'string' && typeof message === 'string'
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= MAX_TIME_MS
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}
