/**
 * Writes the messages of a batch as PostgreSQL's binary arrays, one for each column, so that payloads
 * are copied as they are: no escapes, no hexadecimal digits. (`array_recv` of PostgreSQL's source.)
 *
 *     dimensions = 1 │ may have nulls = 1 │ oid of the elements │ count │ lower bound = 1
 *     and each element: length, or -1 for null │ bytes
 */
import { hasPackedId, type Message } from '../../message.ts'
import { copyBytes, GrowingBuffer, writeAscii } from '../rows/growing-buffer.ts'
import { type ContentType, payloadOf, typeOfOther } from '../rows/payload.ts'
import { PlainObject } from '../rows/plain-object.ts'
import { fitsJsonb } from './jsonb-fit.ts'

const OID = { bytea: 17, int8: 20, text: 25, timestamptz: 1184, jsonb: 3802 } as const
const HEADER_BYTES = 20
const LENGTH_BYTES = 4
const BIGINT_BYTES = LENGTH_BYTES + 8
/** Room at the beginning; more is taken when it is needed. */
const FIRST_BYTES = 16_384
/** Larger buffers are let go of. */
const MAX_KEPT_BYTES = 2_097_152
const JSONB_VERSION = 1
const NULL = -1

/** 2000-01-01, from which PostgreSQL counts microseconds. */
const EPOCH_MS = 946_684_800_000
/** The years 1 and 9999. What is outside comes from a clock that is wrong. */
const MIN_TIME_MS = -62_135_596_800_000
const MAX_TIME_MS = 253_402_300_799_999
const TWO_TO_32 = 4_294_967_296

/** Used again for other batches: large new buffers cost more than what is written to them. */
export class RowArrays {
  readonly #offsets = new GrowingBuffer(FIRST_BYTES)
  readonly #times = new GrowingBuffer(FIRST_BYTES)
  readonly #topics = new GrowingBuffer(FIRST_BYTES)
  readonly #ids = new GrowingBuffer(FIRST_BYTES)
  readonly #types = new GrowingBuffer(FIRST_BYTES)
  readonly #json = new GrowingBuffer(FIRST_BYTES)
  readonly #bytes = new GrowingBuffer(FIRST_BYTES)
  readonly #plain = new PlainObject()
  /** The topic of the last message, and what is written for it. */
  #topic: string | undefined
  #topicBytes: Buffer = Buffer.alloc(0)

  /**
   * payload, payload_bytes, offset, arrival_time, topic, message_id, content_type. Valid until
   * something else is written.
   */
  write(messages: readonly Message[]): readonly Buffer[] {
    const { length } = messages
    begin(this.#offsets, OID.int8, length)
    begin(this.#times, OID.timestamptz, length)
    begin(this.#topics, OID.text, length)
    begin(this.#ids, OID.text, length)
    begin(this.#types, OID.text, length)
    begin(this.#json, OID.jsonb, length)
    begin(this.#bytes, OID.bytea, length)
    for (const message of messages) {
      writeBigint(this.#offsets, message.offset)
      writeBigint(this.#times, microsecondsOf(message.receivedAt))
      this.#writeTopic(message.topic)
      writeId(this.#ids, message)
      this.#writePayload(message)
    }
    return [
      this.#json.content(),
      this.#bytes.content(),
      this.#offsets.content(),
      this.#times.content(),
      this.#topics.content(),
      this.#ids.content(),
      this.#types.content(),
    ]
  }

  #writeTopic(topic: string): void {
    if (topic !== this.#topic) {
      this.#topicBytes = textBytes(topic)
      this.#topic = topic
    }
    append(this.#topics, this.#topicBytes, 0, this.#topicBytes.length)
  }

  #writePayload(message: Message): void {
    const { bytes, start, stop } = payloadOf(message)
    const isPlain = this.#plain.scan(bytes, start, stop)
    const type = isPlain ? 'application/json' : typeOfOther(bytes, start, stop)
    const typeBytes = TYPE_BYTES[type]
    append(this.#types, typeBytes, 0, typeBytes.length)
    const json = this.#json
    if (isPlain || (type === 'application/json' && fitsJsonb(bytes, start, stop))) {
      writeInt32(json, stop - start + 1)
      json.writeByte(JSONB_VERSION)
      append(json, bytes, start, stop)
      writeInt32(this.#bytes, NULL)
    } else {
      writeInt32(this.#bytes, stop - start)
      append(this.#bytes, bytes, start, stop)
      writeInt32(json, NULL)
    }
  }
}

const TYPE_BYTES: Readonly<Record<ContentType, Buffer>> = {
  'application/json': textBytes('application/json'),
  'text/plain': textBytes('text/plain'),
  'application/octet-stream': textBytes('application/octet-stream'),
}

/** The text as an element. */
function textBytes(text: string): Buffer {
  const content = Buffer.from(text)
  const bytes = Buffer.alloc(LENGTH_BYTES + content.length)
  putInt32(bytes, 0, content.length)
  content.copy(bytes, LENGTH_BYTES)
  return bytes
}

function begin(array: GrowingBuffer, oid: number, count: number): void {
  array.clear(MAX_KEPT_BYTES)
  array.reserve(HEADER_BYTES + count * BIGINT_BYTES)
  for (const field of [1, 1, oid, count, 1]) writeInt32(array, field)
}

function writeInt32(array: GrowingBuffer, value: number): void {
  array.reserve(LENGTH_BYTES)
  putInt32(array.bytes, array.length, value)
  array.length += LENGTH_BYTES
}

/** @param value a whole number */
function writeBigint(array: GrowingBuffer, value: number): void {
  array.reserve(BIGINT_BYTES)
  const high = Math.floor(value / TWO_TO_32)
  putInt32(array.bytes, array.length, 8)
  putInt32(array.bytes, array.length + 4, high)
  putInt32(array.bytes, array.length + 8, value - high * TWO_TO_32)
  array.length += BIGINT_BYTES
}

function microsecondsOf(timeMs: number): number {
  const time = Math.max(MIN_TIME_MS, Math.min(Math.floor(timeMs), MAX_TIME_MS))
  return (time - EPOCH_MS) * 1_000
}

/** ASCII. */
function writeId(array: GrowingBuffer, message: Message): void {
  const { packed } = message
  if (hasPackedId(packed)) {
    writeInt32(array, packed.idEnd - packed.idStart)
    append(array, packed.bytes, packed.idStart, packed.idEnd)
    return
  }
  const id = message.messageId
  writeInt32(array, id.length)
  array.reserve(id.length)
  array.length = writeAscii(id, array.bytes, array.length)
}

function append(array: GrowingBuffer, source: Buffer, start: number, stop: number): void {
  array.reserve(stop - start)
  array.length = copyBytes(source, start, stop, array.bytes, array.length)
}

function putInt32(target: Buffer, at: number, value: number): void {
  target[at] = value >>> 24
  target[at + 1] = value >>> 16
  target[at + 2] = value >>> 8
  target[at + 3] = value
}
