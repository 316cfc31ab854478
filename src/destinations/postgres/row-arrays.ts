/**
 * Writes the messages of a batch as PostgreSQL's binary arrays, one for each column, so that payloads
 * are copied as they are: no escapes, no hexadecimal digits. (`array_recv` of PostgreSQL's source.)
 *
 *     dimensions = 1 │ may have nulls = 1 │ oid of the elements │ count │ lower bound = 1
 *     and each element: length, or -1 for null │ bytes
 */
import { hasPackedId, type Message } from '../../message.ts'
import { GrowingBuffer, writeAscii } from '../rows/growing-buffer.ts'
import { contentTypeOf, type PayloadBytes, payloadOf } from '../rows/payload.ts'
import { fitsJsonb } from './jsonb-fit.ts'

const OID = { bytea: 17, int8: 20, text: 25, timestamptz: 1184, jsonb: 3802 } as const
const HEADER_BYTES = 20
const LENGTH_BYTES = 4
/** Room at the beginning; more is taken when it is needed. */
const GUESS_BYTES = 48
const JSONB_VERSION = 1
const NULL = -1

/** 2000-01-01, from which PostgreSQL counts microseconds. */
const EPOCH_MS = 946_684_800_000
/** The years 1 and 9999. What is outside comes from a clock that is wrong. */
const MIN_TIME_MS = -62_135_596_800_000
const MAX_TIME_MS = 253_402_300_799_999
const TWO_TO_32 = 4_294_967_296

/** offset, arrival_time, topic, message_id, content_type, payload, payload_bytes */
export function rowArrays(messages: readonly Message[]): Buffer[] {
  const count = messages.length
  const offsets = arrayOf(OID.int8, count)
  const times = arrayOf(OID.timestamptz, count)
  const topics = arrayOf(OID.text, count)
  const ids = arrayOf(OID.text, count)
  const types = arrayOf(OID.text, count)
  const json = arrayOf(OID.jsonb, count)
  const bytes = arrayOf(OID.bytea, count)
  for (const message of messages) {
    writeBigint(offsets, message.offset)
    writeBigint(times, microsecondsOf(message.receivedAt))
    writeText(topics, message.topic)
    writeId(ids, message)
    const payload = payloadOf(message)
    const type = contentTypeOf(payload.bytes, payload.start, payload.stop)
    writeText(types, type)
    const isJsonb =
      type === 'application/json' && fitsJsonb(payload.bytes, payload.start, payload.stop)
    writePayload(isJsonb ? json : bytes, payload, isJsonb)
    writeNull(isJsonb ? bytes : json)
  }
  return [offsets, times, topics, ids, types, json, bytes].map((array) => array.content())
}

function arrayOf(oid: number, count: number): GrowingBuffer {
  const array = new GrowingBuffer(HEADER_BYTES + count * GUESS_BYTES)
  for (const field of [1, 1, oid, count, 1]) writeInt32(array, field)
  return array
}

function writeInt32(array: GrowingBuffer, value: number): void {
  array.reserve(LENGTH_BYTES)
  putInt32(array.bytes, array.length, value)
  array.length += LENGTH_BYTES
}

function writeNull(array: GrowingBuffer): void {
  writeInt32(array, NULL)
}

/** @param value a whole number */
function writeBigint(array: GrowingBuffer, value: number): void {
  array.reserve(LENGTH_BYTES + 8)
  const high = Math.floor(value / TWO_TO_32)
  putInt32(array.bytes, array.length, 8)
  putInt32(array.bytes, array.length + 4, high)
  putInt32(array.bytes, array.length + 8, value - high * TWO_TO_32)
  array.length += LENGTH_BYTES + 8
}

function microsecondsOf(timeMs: number): number {
  const time = Math.max(MIN_TIME_MS, Math.min(Math.floor(timeMs), MAX_TIME_MS))
  return (time - EPOCH_MS) * 1_000
}

function writeText(array: GrowingBuffer, text: string): void {
  array.reserve(LENGTH_BYTES + text.length * 3)
  const start = array.length + LENGTH_BYTES
  const end = isAscii(text)
    ? writeAscii(text, array.bytes, start)
    : start + array.bytes.write(text, start)
  putInt32(array.bytes, array.length, end - start)
  array.length = end
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

function writeId(array: GrowingBuffer, message: Message): void {
  const { packed } = message
  if (hasPackedId(packed)) writeBytes(array, packed.bytes, packed.idStart, packed.idEnd)
  else writeText(array, message.messageId)
}

function writePayload(array: GrowingBuffer, payload: PayloadBytes, isJsonb: boolean): void {
  const { bytes, start, stop } = payload
  if (!isJsonb) {
    writeBytes(array, bytes, start, stop)
    return
  }
  writeInt32(array, stop - start + 1)
  array.writeByte(JSONB_VERSION)
  appendBytes(array, bytes, start, stop)
}

function writeBytes(array: GrowingBuffer, source: Buffer, start: number, stop: number): void {
  writeInt32(array, stop - start)
  appendBytes(array, source, start, stop)
}

function appendBytes(array: GrowingBuffer, source: Buffer, start: number, stop: number): void {
  array.reserve(stop - start)
  source.copy(array.bytes, array.length, start, stop)
  array.length += stop - start
}

function putInt32(target: Buffer, at: number, value: number): void {
  target[at] = value >>> 24
  target[at + 1] = value >>> 16
  target[at + 2] = value >>> 8
  target[at + 3] = value
}
