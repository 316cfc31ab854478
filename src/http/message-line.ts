/** A stored message as a line of JSON. */
import { isUtf8 } from 'node:buffer'
import type { Message } from '../message.ts'

/** The payload stands in `payload` as text where it is valid UTF-8, otherwise in `payloadBase64`. */
export function messageLine(message: Message): string {
  const { offset, receivedAt, topic, senderId, messageId, payload } = message
  const line = {
    offset,
    receivedAt: new Date(receivedAt).toISOString(),
    topic,
    ...(senderId === undefined ? {} : { id: senderId }),
    messageId,
    ...(isUtf8(payload)
      ? { payload: payload.toString('utf8') }
      : { payloadBase64: payload.toString('base64') }),
  }
  return `${JSON.stringify(line)}\n`
}
