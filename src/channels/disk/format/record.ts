/**
 * One message inside a frame. Only flags and payload are always there; time and topic are left out
 * when they repeat those of the record before:
 *
 *     flags   1 byte     which of the following are there
 *     time    varint     zigzag milliseconds since the record before; absent if 0
 *     topic   text       absent if it is the same as in the record before
 *     id      text       the sender's, if it gave one
 *     reply   text       MQTT 5 response topic
 *     correlation bytes  MQTT 5 correlation data
 *     payload bytes
 *
 *     text, bytes: a varint length, then that number of bytes. varint: 7 bits per byte, low ones
 *     first, possibly padded with leading zero groups, because a text's length is known only after
 *     it was written.
 */
import type { Draft, Message } from '../../../message.ts'
import { StoredMessage } from './stored-message.ts'

const SAME_TOPIC = 1
const SAME_TIME = 2
const HAS_ID = 4
const HAS_REPLY = 8
const HAS_CORRELATION = 16
const KNOWN_FLAGS = 31

/** For up to this many bytes a loop is faster than `Buffer.copy`; measured on Node 20. */
const LOOP_COPY_BYTES = 40
/** From this length on, compute a text's exact size, not three bytes per character. */
const LONG_TEXT = 2048
/** Flags, time and five lengths, with every varint at its longest. */
const FIXED_BYTES_AT_MOST = 1 + 5 + 5 * 4

/** The longest time between two records that a record can hold: a zigzag 31-bit number. */
export const MAX_TIME_STEP_MS = 0x3fff_ffff

/** An upper bound for the bytes of the draft's record. */
export function recordBytesAtMost(draft: Draft): number {
  let bytes = FIXED_BYTES_AT_MOST + textBytesAtMost(draft.topic)
  if (draft.id !== undefined) bytes += textBytesAtMost(draft.id)
  bytes += draft.text === undefined ? draft.end - draft.start : textBytesAtMost(draft.text)
  const { reply } = draft
  if (reply !== undefined) {
    bytes += textBytesAtMost(reply.topic) + (reply.correlation?.length ?? 0)
  }
  return bytes
}

function textBytesAtMost(text: string): number {
  return text.length < LONG_TEXT ? text.length * 3 : Buffer.byteLength(text)
}

/**
 * Writes the draft at `position`, where `recordBytesAtMost` bytes must be free, and returns where
 * it ends. `previousTopic` and `sinceMs` refer to the record before in the same frame.
 */
export function writeRecord(
  into: Buffer,
  position: number,
  draft: Draft,
  previousTopic: string | undefined,
  sinceMs: number,
): number {
  const { topic, id, text, reply } = draft
  let flags = 0
  let at = position + 1
  if (sinceMs === 0) flags |= SAME_TIME
  else at = writeVarint(into, at, sinceMs > 0 ? sinceMs * 2 : -sinceMs * 2 - 1)
  if (topic === previousTopic) flags |= SAME_TOPIC
  else at = writeText(into, at, topic)
  if (id !== undefined) {
    flags |= HAS_ID
    at = writeText(into, at, id)
  }
  if (reply !== undefined) {
    flags |= HAS_REPLY
    at = writeText(into, at, reply.topic)
    if (reply.correlation !== undefined) {
      flags |= HAS_CORRELATION
      at = writeBytes(into, at, reply.correlation, 0, reply.correlation.length)
    }
  }
  into[position] = flags
  return text === undefined
    ? writeBytes(into, at, draft.bytes, draft.start, draft.end)
    : writeText(into, at, text)
}

function writeVarint(into: Buffer, position: number, value: number): number {
  let rest = value
  let at = position
  while (rest > 127) {
    into[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  into[at++] = rest
  return at
}

function writeText(into: Buffer, position: number, text: string): number {
  const { length } = text
  // A UTF-16 unit takes three bytes at most: 42 × 3 < 2^7, 5,461 × 3 < 2^14.
  const lengthBytes = length <= 42 ? 1 : length <= 5461 ? 2 : 4
  const written = into.write(text, position + lengthBytes)
  let rest = written
  for (let index = 0; index < lengthBytes - 1; index++) {
    into[position + index] = (rest & 127) | 128
    rest >>>= 7
  }
  into[position + lengthBytes - 1] = rest
  return position + lengthBytes + written
}

function writeBytes(
  into: Buffer,
  position: number,
  bytes: Buffer,
  start: number,
  end: number,
): number {
  let at = writeVarint(into, position, end - start)
  if (end - start > LOOP_COPY_BYTES) return at + bytes.copy(into, at, start, end)
  for (let index = start; index < end; index++) into[at++] = bytes[index] ?? 0
  return at
}

/** Thrown for a frame whose checksum matches but whose records can't be parsed. */
export class RecordError extends Error {
  override readonly name = 'RecordError'
}

/**
 * Reads the records of one frame in order. `at` moves it to a frame; `next` or `skip` must be
 * called no more often after that than the frame has records.
 */
export class RecordReader {
  readonly #logId: string
  #buffer: Buffer
  #position = 0
  #end = 0
  #topic = ''
  #receivedAt = 0

  constructor(logId: string, buffer: Buffer) {
    this.#logId = logId
    this.#buffer = buffer
  }

  /** Where the next record begins, or the frame's end after the last one. */
  get position(): number {
    return this.#position
  }

  /** `receivedAt` of the record read or skipped last. */
  get receivedAt(): number {
    return this.#receivedAt
  }

  /** Puts the reader on the first record of the frame body `buffer[position, end)`. */
  at(buffer: Buffer, position: number, end: number, firstReceivedAt: number): void {
    this.#buffer = buffer
    this.#position = position
    this.#end = end
    this.#topic = ''
    this.#receivedAt = firstReceivedAt
  }

  next(offset: number): Message {
    const message = new StoredMessage(this.#logId, offset, this.#buffer)
    const flags = this.#begin()
    message.receivedAt = this.#receivedAt
    message.topic = this.#topic
    if ((flags & HAS_ID) !== 0) {
      const start = this.#step(this.#varint())
      message.setSenderId(start, this.#position)
    }
    if ((flags & HAS_REPLY) !== 0) {
      const topic = this.#text()
      const correlation = (flags & HAS_CORRELATION) === 0 ? undefined : this.#bytes()
      message.reply = { topic, correlation }
    }
    message.payloadStart = this.#step(this.#varint())
    message.payloadEnd = this.#position
    return message
  }

  skip(): void {
    const flags = this.#begin()
    if ((flags & HAS_ID) !== 0) this.#step(this.#varint())
    if ((flags & HAS_REPLY) !== 0) this.#step(this.#varint())
    if ((flags & HAS_CORRELATION) !== 0) this.#step(this.#varint())
    this.#step(this.#varint())
  }

  #begin(): number {
    const flags = this.#buffer[this.#step(1)] ?? 0
    if (flags > KNOWN_FLAGS) throw new RecordError(`a record has unknown flags ${flags}`)
    if ((flags & SAME_TIME) === 0) {
      const zigzag = this.#varint()
      this.#receivedAt += zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
    }
    if ((flags & SAME_TOPIC) === 0) this.#topic = this.#text()
    return flags
  }

  /** Moves on by `bytes` and returns where it was. */
  #step(bytes: number): number {
    const from = this.#position
    this.#position = from + bytes
    if (this.#position > this.#end) throw new RecordError('a record ends beyond its frame')
    return from
  }

  #varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer[this.#step(1)] ?? 0
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
    throw new RecordError('a number in a record is too long')
  }

  #text(): string {
    const bytes = this.#varint()
    const from = this.#step(bytes)
    return this.#buffer.toString('utf8', from, from + bytes)
  }

  #bytes(): Buffer {
    const bytes = this.#varint()
    const from = this.#step(bytes)
    return this.#buffer.subarray(from, from + bytes)
  }
}
