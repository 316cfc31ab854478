/** Writes a message as a record: its payload untouched, all else as headers. */
import { hasPackedId, type Message } from '../../../message.ts'
import type { Batch } from '../../destination.ts'
import { copyBytes, GrowingBuffer, writeAscii } from '../../rows/growing-buffer.ts'
import { MAX_NUMBER_BYTES, writeWholeNumber } from '../../rows/json-text.ts'
import { type ContentType, contentTypeOf, payloadOf } from '../../rows/payload.ts'
import { MAX_TIME_BYTES, TimeWriter } from '../../rows/time-text.ts'
import type { HEADER_NAMES } from '../options.ts'
import type { RecordBatch } from './record-batch.ts'
import { MAX_VARINT_BYTES, varintBytes, writeVarint, writeVarlong } from './varint.ts'

export type HeaderName = (typeof HEADER_NAMES)[number]

/** Topics whose bytes are kept. */
const MAX_TOPICS = 10_000
const NO_KEY_LENGTH = -1

type OriginHeader = 'connector' | 'channel' | 'log_id'
type MessageHeader = Exclude<HeaderName, OriginHeader>

const ORIGIN_HEADERS: readonly string[] = ['connector', 'channel', 'log_id']

export class RecordWriter {
  readonly #connectorId: string
  readonly #originNames: readonly OriginHeader[]
  readonly #names: readonly MessageHeader[]
  /** Of each name: its length and its bytes. */
  readonly #nameBytes: ReadonlyMap<MessageHeader, Buffer>
  readonly #headerCount: number
  readonly #times = new TimeWriter()
  readonly #topics = new Map<string, Buffer>()
  readonly #scratch = new GrowingBuffer(4_096)
  readonly #value = Buffer.alloc(Math.max(MAX_TIME_BYTES, MAX_NUMBER_BYTES))
  #origin = Buffer.alloc(0)
  #originOf: Batch | undefined

  constructor(connectorId: string, headers: readonly HeaderName[]) {
    this.#connectorId = connectorId
    this.#originNames = headers.filter((name): name is OriginHeader => isOrigin(name))
    this.#names = headers.filter((name): name is MessageHeader => !isOrigin(name))
    this.#nameBytes = new Map(this.#names.map((name) => [name, withLength(name)]))
    this.#headerCount = headers.length
  }

  /**
   * Appends a message to a record batch.
   * @returns false if the batch would be longer than `maxBytes`; a batch takes one message always
   */
  append(
    into: RecordBatch,
    batch: Batch,
    message: Message,
    key: Buffer | undefined,
    maxBytes: number,
  ): boolean {
    this.#setOrigin(batch)
    this.#writeHeaders(message)
    return this.#appendRecord(into, message, key, maxBytes)
  }

  #appendRecord(into: RecordBatch, message: Message, key: Buffer | undefined, maxBytes: number) {
    const time = Math.floor(message.receivedAt)
    const { bytes, start, stop } = payloadOf(message)
    const headers = this.#scratch
    const delta = time - into.baseTime(time)
    const keyBytes = key === undefined ? 0 : key.length
    const size =
      1 +
      varintBytes(delta) +
      varintBytes(into.count) +
      varintBytes(key === undefined ? NO_KEY_LENGTH : keyBytes) +
      keyBytes +
      varintBytes(stop - start) +
      (stop - start) +
      varintBytes(this.#headerCount) +
      this.#origin.length +
      headers.length
    const records = into.records
    if (into.count > 0 && records.length + size + MAX_VARINT_BYTES > maxBytes) return false
    records.reserve(size + MAX_VARINT_BYTES)
    const target = records.bytes
    let at = writeVarint(size, target, records.length)
    target[at++] = 0
    at = writeVarlong(delta, target, at)
    at = writeVarint(into.count, target, at)
    at = writeVarint(key === undefined ? NO_KEY_LENGTH : keyBytes, target, at)
    if (key !== undefined) at = copyBytes(key, 0, keyBytes, target, at)
    at = writeVarint(stop - start, target, at)
    at = copyBytes(bytes, start, stop, target, at)
    at = writeVarint(this.#headerCount, target, at)
    at = copyBytes(this.#origin, 0, this.#origin.length, target, at)
    records.length = copyBytes(headers.bytes, 0, headers.length, target, at)
    into.added(time)
    return true
  }

  /** The headers that all messages of a batch have. */
  #setOrigin(batch: Batch): void {
    const of = this.#originOf
    if (of?.logId === batch.logId && of.channel === batch.channel) return
    const values = { connector: this.#connectorId, channel: batch.channel, log_id: batch.logId }
    const parts = this.#originNames.flatMap((name) => [withLength(name), withLength(values[name])])
    this.#origin = Buffer.concat(parts)
    this.#originOf = batch
  }

  #writeHeaders(message: Message): void {
    this.#scratch.length = 0
    for (const name of this.#names) {
      const nameBytes = this.#nameBytes.get(name)
      if (nameBytes !== undefined) this.#append(nameBytes)
      this.#writeValue(name, message)
    }
  }

  #writeValue(name: MessageHeader, message: Message): void {
    switch (name) {
      case 'offset':
        this.#appendValue(writeWholeNumber(message.offset, this.#value, 0))
        break
      case 'arrival_time':
        this.#appendValue(this.#times.write(message.receivedAt, this.#value, 0))
        break
      case 'topic':
        this.#append(this.#topicBytes(message.topic))
        break
      case 'message_id':
        this.#appendId(message)
        break
      case 'content_type': {
        const { bytes, start, stop } = payloadOf(message)
        this.#append(CONTENT_TYPES[contentTypeOf(bytes, start, stop)])
      }
    }
  }

  #append(bytes: Buffer): void {
    const scratch = this.#scratch
    scratch.reserve(bytes.length)
    scratch.length = copyBytes(bytes, 0, bytes.length, scratch.bytes, scratch.length)
  }

  #appendValue(length: number): void {
    const scratch = this.#scratch
    scratch.reserve(length + MAX_VARINT_BYTES)
    const at = writeVarint(length, scratch.bytes, scratch.length)
    scratch.length = copyBytes(this.#value, 0, length, scratch.bytes, at)
  }

  #appendId(message: Message): void {
    const { packed } = message
    const scratch = this.#scratch
    const id = hasPackedId(packed) ? '' : message.messageId
    const length = hasPackedId(packed) ? packed.idEnd - packed.idStart : id.length
    scratch.reserve(length + MAX_VARINT_BYTES)
    const at = writeVarint(length, scratch.bytes, scratch.length)
    scratch.length = hasPackedId(packed)
      ? copyBytes(packed.bytes, packed.idStart, packed.idEnd, scratch.bytes, at)
      : writeAscii(id, scratch.bytes, at)
  }

  /** Devices use few topics, many times. */
  #topicBytes(topic: string): Buffer {
    const known = this.#topics.get(topic)
    if (known !== undefined) return known
    if (this.#topics.size >= MAX_TOPICS) this.#topics.clear()
    const bytes = withLength(topic)
    this.#topics.set(topic, bytes)
    return bytes
  }
}

const CONTENT_TYPES: Readonly<Record<ContentType, Buffer>> = {
  'application/json': withLength('application/json'),
  'text/plain': withLength('text/plain'),
  'application/octet-stream': withLength('application/octet-stream'),
}

function isOrigin(name: HeaderName): boolean {
  return ORIGIN_HEADERS.includes(name)
}

function withLength(text: string): Buffer {
  const content = Buffer.from(text)
  const bytes = Buffer.alloc(MAX_VARINT_BYTES + content.length)
  const at = writeVarint(content.length, bytes, 0)
  content.copy(bytes, at)
  return bytes.subarray(0, at + content.length)
}
