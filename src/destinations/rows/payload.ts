/** A message's payload as a JSON value: embedded, as a string, or in base64. */
import type { Message } from '../../message.ts'
import { isJson, isText } from './json-scan.ts'
import { jsonBytesLength, writeJsonBytes } from './json-text.ts'
import { PlainObject } from './plain-object.ts'

export type ContentType = 'application/json' | 'text/plain' | 'application/octet-stream'

const QUOTE = 0x22
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const SPACE = 0x20

/** Where a payload is: `bytes[start, stop)`. */
export interface PayloadBytes {
  readonly bytes: Buffer
  readonly start: number
  readonly stop: number
}

/**
 * The payload, without making a Buffer of it if the log has it in one place with others. Returns the
 * same object each time, so that a message costs no object.
 */
export function payloadOf(message: Message): PayloadBytes {
  const { packed } = message
  if (packed === undefined) {
    found.bytes = message.payload
    found.start = 0
    found.stop = message.payload.length
  } else {
    found.bytes = packed.bytes
    found.start = packed.payloadStart
    found.stop = packed.payloadEnd
  }
  return found
}

const found: { bytes: Buffer; start: number; stop: number } = {
  bytes: Buffer.alloc(0),
  start: 0,
  stop: 0,
}

/** What `bytes[start, stop)` is: JSON, else text in UTF-8, else neither. */
export function contentTypeOf(bytes: Buffer, start = 0, stop = bytes.length): ContentType {
  return plain.scan(bytes, start, stop) ? 'application/json' : typeOfOther(bytes, start, stop)
}

const plain = new PlainObject()

/** The same of what is not a plain object. */
export function typeOfOther(bytes: Buffer, start: number, stop: number): ContentType {
  if (isJson(bytes, start, stop)) return 'application/json'
  return isText(bytes, start, stop) ? 'text/plain' : 'application/octet-stream'
}

/** The bytes that `writeJsonPayload` writes. */
export function jsonPayloadBytes(payload: PayloadBytes, type: ContentType): number {
  const { bytes, start, stop } = payload
  switch (type) {
    case 'application/json':
      return stop - start
    case 'text/plain':
      return jsonBytesLength(bytes, start, stop)
    case 'application/octet-stream':
      return Math.ceil((stop - start) / 3) * 4 + 2
  }
}

/** Writes the payload as a JSON value on one line to `target`, where room must be. */
export function writeJsonPayload(
  { bytes, start, stop }: PayloadBytes,
  type: ContentType,
  target: Buffer,
  at: number,
): number {
  switch (type) {
    case 'application/json':
      return copyOnOneLine(bytes, start, stop, target, at)
    case 'text/plain':
      return writeJsonBytes(bytes, start, stop, target, at)
    case 'application/octet-stream': {
      target[at] = QUOTE
      const text = bytes.toString('base64', start, stop)
      const end = at + 1 + target.write(text, at + 1, 'latin1')
      target[end] = QUOTE
      return end + 1
    }
  }
}

/** JSON has line ends only between its values, where a space means the same. */
function copyOnOneLine(
  source: Buffer,
  start: number,
  stop: number,
  target: Buffer,
  at: number,
): number {
  let end = at
  for (let i = start; i < stop; i++) {
    const byte = source[i] ?? 0
    target[end++] = byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte
  }
  return end
}
