/**
 * Headers of messages. Besides the fields that every destination has, a message says which messages
 * before it were known to be stored when it was sent: all below `offset`, and none of the others has a
 * sequence number up to `sequence`.
 */
import type { Message } from '../../message.ts'
import { contentTypeOf, payloadOf } from '../rows/payload.ts'

export interface Confirmed {
  readonly offset: number
  readonly sequence: number
}

export interface MessageOrigin {
  readonly connectorId: string
  readonly channel: string
  readonly logId: string
}

/** The same for all messages of a batch. */
export function commonHeaders(origin: MessageOrigin, { offset, sequence }: Confirmed): string {
  const { connectorId, channel, logId } = origin
  return `\r\nconnector: ${connectorId}\r\nchannel: ${channel}\r\nlog_id: ${logId}\r\nconfirmed: ${offset}-${sequence}`
}

export function headersOf(
  message: Message,
  { connectorId, channel, logId }: MessageOrigin,
  common: string,
) {
  const { offset, receivedAt, topic, messageId } = message
  const { bytes, start, stop } = payloadOf(message)
  const type = contentTypeOf(bytes, start, stop)
  return `NATS/1.0\r\nNats-Msg-Id: ${connectorId}-${channel}-${logId}-${offset}${common}\r\noffset: ${offset}\r\narrival_time: ${timeText(receivedAt)}\r\ntopic: ${headerText(topic)}\r\nmessage_id: ${headerText(messageId)}\r\ncontent_type: ${type}\r\n\r\n`
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
function headerText(text: string): string {
  return text.replace(NOT_IN_HEADERS, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  })
}

let second = Number.NaN
let prefix = ''
/** The bounds of `Date`. */
const MAX_TIME_MS = 8.64e15

/** As toISOString, which is called once a second only. */
function timeText(timeMs: number): string {
  const time = Math.max(-MAX_TIME_MS, Math.min(Math.floor(timeMs), MAX_TIME_MS))
  const whole = Math.floor(time / 1_000)
  if (whole !== second) {
    prefix = new Date(time).toISOString().slice(0, -4)
    second = whole
  }
  return `${prefix}${String(time - whole * 1_000).padStart(3, '0')}Z`
}
