/**
 * The formatted message of the predefined topic `…/messages/put`:
 *
 *     { "request": { "message": "<string>" }, "id": "<string, optional>" }
 *
 * Specification, "Input Data". Other members are ignored.
 */
import { isUtf8 } from 'node:buffer'
import { messageOf } from '../errors.ts'
import { quoted } from '../shown-text.ts'

export interface Envelope {
  /** Undefined if the message is valid; else what was expected and what came. */
  fault: string | undefined
  /** The payload. */
  message: string
  /** Also set beside a fault if it could be read, so that the receipt can carry it. */
  id: string | undefined
}

const EXPECTED = '{"request":{"message":"<string>"},"id":"<string>"}'
const LONE_SURROGATE = /\p{Surrogate}/u

/** Reads `bytes[start, end)` into `into`. Never throws. */
export function readEnvelope(bytes: Buffer, start: number, end: number, into: Envelope): void {
  into.id = undefined
  into.message = ''
  into.fault = undefined
  const text = bytes.toString('utf8', start, end)
  // Decoding writes U+FFFD for bytes that are not UTF-8; only then is the slower check needed.
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(start, end))) {
    into.fault = `expected JSON ${EXPECTED} in UTF-8; the payload is not valid UTF-8`
    return
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    into.fault = `expected JSON ${EXPECTED}; ${messageOf(error)}`
    return
  }
  into.fault = faultOf(parsed, into) ?? surrogateFault(text, into)
}

function faultOf(parsed: unknown, into: Envelope): string | undefined {
  if (!isObject(parsed)) return `expected an object ${EXPECTED}; got ${kindOf(parsed)}`
  const { request, id } = parsed
  if (typeof id === 'string') into.id = id
  else if (id !== undefined) return `"id" must be a string; got ${kindOf(id)}`
  if (request === undefined) return `"request" is missing; expected ${EXPECTED}`
  if (!isObject(request)) return `"request" must be an object; got ${kindOf(request)}`
  const message = request['message']
  if (message === undefined) return `"request.message" is missing; expected ${EXPECTED}`
  if (typeof message !== 'string') {
    return `"request.message" must be a string (to send JSON, escape it as a string); got ${kindOf(message)}`
  }
  into.message = message
  return undefined
}

/** UTF-8 can't hold half a surrogate pair; only a \u escape can bring one in. */
function surrogateFault(text: string, into: Envelope): string | undefined {
  if (!text.includes('\\u')) return undefined
  if (LONE_SURROGATE.test(into.message)) {
    return '"request.message" has a \\u escape that is half a surrogate pair, which UTF-8 cannot represent'
  }
  if (into.id !== undefined && LONE_SURROGATE.test(into.id)) {
    return '"id" has a \\u escape that is half a surrogate pair, which UTF-8 cannot represent'
  }
  return undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  return typeof value === 'string'
    ? `the string ${quoted(value, 40)}`
    : `the ${typeof value} ${value}`
}
