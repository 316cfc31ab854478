/**
 * A dead letter, and how it is written as a message of its log:
 *
 *     payload:   length of the header, 4 bytes │ header, JSON │ the message's payload
 *
 * Topic and sender's id are those of the log's message.
 */
import type { Draft, Message, Refusal } from '../../message.ts'

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
  const length = Buffer.alloc(4)
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
  if (payload.length < 4) return undefined
  const end = 4 + payload.readUInt32BE(0)
  const header = parseHeader(payload.toString('utf8', 4, end))
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

function parseHeader(text: string): Header | undefined {
  let header: Partial<Header>
  try {
    header = JSON.parse(text)
  } catch {
    return undefined
  }
  const { channel, refusal, receivedAt, reader, messageId } = header
  if (channel === undefined || refusal === undefined || receivedAt === undefined) return undefined
  return { channel, refusal, receivedAt, reader, messageId }
}
