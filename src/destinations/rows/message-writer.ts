/**
 * Writes messages as objects of JSON, whose members have the order that all layouts share:
 *
 *     head  offset  …time  arrival  …topic  topic  …id  message id  …payload  payload  }
 *
 * A payload that is JSON is embedded as it is, with its numbers' digits, its members' order and its
 * white space, except that line ends become spaces. Other text is a string. All else is base64.
 */
import { hasPackedId, type Message } from '../../message.ts'
import { copyBytes, type GrowingBuffer } from './growing-buffer.ts'
import { MAX_NUMBER_BYTES, maxJsonTextBytes, writeJsonText, writeWholeNumber } from './json-text.ts'
import {
  type ContentType,
  contentTypeOf,
  jsonPayloadBytes,
  payloadOf,
  writeJsonPayload,
} from './payload.ts'
import { MAX_TIME_BYTES, TimeWriter } from './time-text.ts'

/** Where the messages of a batch come from. */
export interface RowOrigin {
  readonly channel: string
  readonly logId: string
}

/** What stands before each value. All of it is ASCII. */
export interface MessageLayout {
  /** Up to the digits of the offset. */
  readonly head: (origin: RowOrigin) => string
  /** The value is text without its quotes: they are part of this and of `topic`. */
  readonly time: string
  readonly topic: string
  readonly id: string
  readonly payloads: Readonly<Record<ContentType, string>>
}

const QUOTE = 0x22
const END = 0x7d

/** Topics whose bytes are kept. */
const MAX_TOPICS = 2_000

export class MessageWriter {
  readonly #layout: MessageLayout
  readonly #times = new TimeWriter()
  readonly #time: Buffer
  readonly #payloads: Readonly<Record<ContentType, Buffer>>
  #channel = ''
  #logId = ''
  /** The beginning of every message of the channel and log above. */
  #head: Buffer = Buffer.alloc(0)
  readonly #middles = new Map<string, Buffer>()
  #topic: string | undefined
  /** What is between the arrival and the id of a message with the topic above. */
  #middle: Buffer = Buffer.alloc(0)

  constructor(layout: MessageLayout) {
    const { payloads } = layout
    this.#layout = layout
    this.#time = Buffer.from(layout.time)
    this.#payloads = {
      'application/json': Buffer.from(payloads['application/json']),
      'text/plain': Buffer.from(payloads['text/plain']),
      'application/octet-stream': Buffer.from(payloads['application/octet-stream']),
    }
  }

  /** Appends the message, without a line end. */
  write(out: GrowingBuffer, origin: RowOrigin, message: Message): void {
    const head = this.#headOf(origin)
    const middle = this.#middleOf(message.topic)
    const payload = payloadOf(message)
    const type = contentTypeOf(payload.bytes, payload.start, payload.stop)
    const name = this.#payloads[type]
    const frame = head.length + this.#time.length + middle.length + name.length + 1
    const values = MAX_NUMBER_BYTES + MAX_TIME_BYTES + maxIdBytes(message)
    out.reserve(frame + values + jsonPayloadBytes(payload, type))
    const target = out.bytes
    let end = copyBytes(head, 0, head.length, target, out.length)
    end = writeWholeNumber(message.offset, target, end)
    end = copyBytes(this.#time, 0, this.#time.length, target, end)
    end = this.#times.write(message.receivedAt, target, end)
    end = copyBytes(middle, 0, middle.length, target, end)
    end = writeId(message, target, end)
    end = copyBytes(name, 0, name.length, target, end)
    end = writeJsonPayload(payload, type, target, end)
    target[end] = END
    out.length = end + 1
  }

  #headOf(origin: RowOrigin): Buffer {
    const { channel, logId } = origin
    if (channel !== this.#channel || logId !== this.#logId || this.#head.length === 0) {
      this.#head = Buffer.from(this.#layout.head(origin))
      this.#channel = channel
      this.#logId = logId
    }
    return this.#head
  }

  /** Devices use few topics, many times, and in turn. */
  #middleOf(topic: string): Buffer {
    if (topic === this.#topic) return this.#middle
    const middle = this.#middles.get(topic) ?? this.#newMiddle(topic)
    this.#topic = topic
    this.#middle = middle
    return middle
  }

  #newMiddle(topic: string): Buffer {
    const value = Buffer.alloc(maxJsonTextBytes(topic))
    const end = writeJsonText(topic, value, 0)
    const { topic: before, id } = this.#layout
    const middle = Buffer.concat([Buffer.from(before), value.subarray(0, end), Buffer.from(id)])
    if (this.#middles.size >= MAX_TOPICS) this.#middles.clear()
    this.#middles.set(topic, middle)
    return middle
  }
}

function maxIdBytes(message: Message): number {
  const { packed } = message
  return hasPackedId(packed)
    ? packed.idEnd - packed.idStart + 2
    : maxJsonTextBytes(message.messageId)
}

function writeId(message: Message, target: Buffer, at: number): number {
  const { packed } = message
  if (!hasPackedId(packed)) return writeJsonText(message.messageId, target, at)
  target[at] = QUOTE
  const end = copyBytes(packed.bytes, packed.idStart, packed.idEnd, target, at + 1)
  target[end] = QUOTE
  return end + 1
}
