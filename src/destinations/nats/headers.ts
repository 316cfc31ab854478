/**
 * Headers of messages. Besides the fields that every destination has, a message says which messages
 * before it were known to be stored when it was sent: all below `offset`, and none of the others has a
 * sequence number up to `sequence`.
 */
import { hasPackedId, type Message } from '../../message.ts'
import { GrowingBuffer, writeAscii } from '../rows/growing-buffer.ts'
import { MAX_NUMBER_BYTES, writeWholeNumber } from '../rows/json-text.ts'
import { contentTypeOf, payloadOf } from '../rows/payload.ts'
import { MAX_TIME_BYTES, TimeWriter } from '../rows/time-text.ts'

export interface Confirmed {
  readonly offset: number
  readonly sequence: number
}

export interface MessageOrigin {
  readonly connectorId: string
  readonly channel: string
  readonly logId: string
}

const OFFSET = '\r\noffset: '
const TIME = '\r\narrival_time: '
const TOPIC = '\r\ntopic: '
const ID = '\r\nmessage_id: '
const TYPE = '\r\ncontent_type: '
const END = '\r\n\r\n'
/** Names, and bounds of numbers, times and types. */
const FRAME_BYTES =
  (OFFSET + TIME + TOPIC + ID + TYPE + END).length +
  2 * MAX_NUMBER_BYTES +
  MAX_TIME_BYTES +
  'application/octet-stream'.length
/** Of one character of UTF-16: `%0D`, or three bytes of UTF-8. */
const CHARACTER_BYTES = 3
const MAX_KEPT_BYTES = 1_048_576
const PERCENT = 0x25

/** Writes the headers of the messages of one batch, back to back. */
export class HeaderWriter {
  readonly #out = new GrowingBuffer()
  readonly #times = new TimeWriter()
  #beforeOffset = ''
  #afterOffset = ''

  /** Of all messages since `begin`. Another buffer after a `write` that needed more room. */
  get bytes(): Buffer {
    return this.#out.bytes
  }

  begin({ connectorId, channel, logId }: MessageOrigin, { offset, sequence }: Confirmed): void {
    this.#out.clear(MAX_KEPT_BYTES)
    this.#beforeOffset = `NATS/1.0\r\nNats-Msg-Id: ${connectorId}-${channel}-${logId}-`
    this.#afterOffset = `\r\nconnector: ${connectorId}\r\nchannel: ${channel}\r\nlog_id: ${logId}\r\nconfirmed: ${offset}-${sequence}${OFFSET}`
  }

  /** Returns where the headers of the message end; they begin where those before ended. */
  write(message: Message): number {
    const { offset, receivedAt, topic } = message
    const out = this.#out
    const before = this.#beforeOffset
    const after = this.#afterOffset
    const textBytes = (topic.length + maxIdLength(message)) * CHARACTER_BYTES
    out.reserve(before.length + after.length + FRAME_BYTES + textBytes)
    const target = out.bytes
    let end = writeAscii(before, target, out.length)
    end = writeWholeNumber(offset, target, end)
    end = writeAscii(after, target, end)
    end = writeWholeNumber(offset, target, end)
    end = writeAscii(TIME, target, end)
    end = this.#times.write(receivedAt, target, end)
    end = writeAscii(TOPIC, target, end)
    end = writeHeaderText(topic, target, end)
    end = writeAscii(ID, target, end)
    end = writeId(message, target, end)
    end = writeAscii(TYPE, target, end)
    const { bytes, start, stop } = payloadOf(message)
    end = writeAscii(contentTypeOf(bytes, start, stop), target, end)
    end = writeAscii(END, target, end)
    out.length = end
    return end
  }
}

function maxIdLength(message: Message): number {
  const { packed } = message
  return hasPackedId(packed) ? packed.idEnd - packed.idStart : message.messageId.length
}

/** An id that is packed is printable ASCII, and is copied from the log's bytes. */
function writeId(message: Message, target: Buffer, at: number): number {
  const { packed } = message
  if (!hasPackedId(packed)) return writeHeaderText(message.messageId, target, at)
  const { bytes, idStart, idEnd } = packed
  let end = at
  for (let i = idStart; i < idEnd; i++) {
    const byte = bytes[i] ?? 0
    if (byte === PERCENT) return writeHeaderText(message.messageId, target, at)
    target[end++] = byte
  }
  return end
}

/** What a stored message says of itself; undefined if it is none of a connector. */
export function identityOf(headers: string) {
  const fields = new Map(
    headers.split('\r\n').map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()]
    }),
  )
  const [offset = Number.NaN, sequence = Number.NaN] = (fields.get('confirmed') ?? '')
    .split('-')
    .map(Number)
  const identity = {
    connectorId: fields.get('connector') ?? '',
    logId: fields.get('log_id') ?? '',
    offset: Number(fields.get('offset') ?? Number.NaN),
    confirmed: { offset, sequence },
  }
  return Number.isSafeInteger(identity.offset + offset + sequence) ? identity : undefined
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they would end the header, or the message
const NOT_IN_HEADERS = /[\x00-\x1f\x7f%]/g

/** A topic may have any characters. Line ends would begin a header of the sender's choice. */
function writeHeaderText(text: string, target: Buffer, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e || code === PERCENT) {
      return at + target.write(text.replace(NOT_IN_HEADERS, percentEncoded), at)
    }
    target[at + i] = code
  }
  return at + text.length
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
