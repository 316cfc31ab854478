/** Stored messages and dead letters as the API shows them: a line of JSON each. */
import { isUtf8 } from 'node:buffer'
import type { KeptDeadLetter } from '../../channels/dead-letters/dead-letter-record.ts'
import type { Message } from '../../message.ts'
import { safeJson } from '../../shown-text.ts'
import type { Message as ShownMessage, TailMessage } from '../api/shapes/messages.ts'

/** Of a payload in a list of messages. */
const MAX_PAYLOAD_BYTES = 2 * 1024

export function messageLine(message: Message): string {
  return `${safeJson(JSON.stringify(shownMessage(message)))}\n`
}

/**
 * The payload is in `payload` as text if it is valid UTF-8, otherwise in `payloadBase64`.
 * @param payload what is shown of it, if that is not all
 */
export function shownMessage(message: Message, payload = message.payload): ShownMessage {
  const { offset, receivedAt, topic, senderId, messageId } = message
  return {
    offset,
    receivedAt: new Date(receivedAt).toISOString(),
    topic,
    ...(senderId === undefined ? {} : { id: senderId }),
    messageId,
    ...payloadField(payload),
  }
}

/** With the start of its payload if that is large. */
export function cutMessage(message: Message): TailMessage {
  const { payload } = message
  if (payload.length <= MAX_PAYLOAD_BYTES) return shownMessage(message)
  const start = payload.subarray(0, isUtf8(payload) ? characterEnd(payload) : MAX_PAYLOAD_BYTES)
  return { ...shownMessage(message, start), cutFromBytes: payload.length }
}

/** Where the last whole character ends. */
function characterEnd(payload: Buffer): number {
  let end = MAX_PAYLOAD_BYTES
  while (((payload[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return end
}

/** A letter that routing refused has no `destination`, and no `messageId`, as it had no offset. */
export function deadLetterLine(letter: KeptDeadLetter): string {
  const { offset, keptAt, channel, destination, refusal, topic, receivedAt } = letter
  const { senderId, messageId, payload } = letter
  const line = {
    offset,
    keptAt: new Date(keptAt).toISOString(),
    channel,
    destination,
    error: refusal.error,
    error_message: refusal.message,
    topic,
    receivedAt: new Date(receivedAt).toISOString(),
    id: senderId,
    messageId,
    ...payloadField(payload),
  }
  return `${safeJson(JSON.stringify(line))}\n`
}

function payloadField(payload: Buffer) {
  return isUtf8(payload)
    ? { payload: payload.toString('utf8') }
    : { payloadBase64: payload.toString('base64') }
}
