/**
 * Writes messages as rows: one line of JSON each, with the fields that every destination has.
 *
 *     {"connector":…,"channel":…,"log_id":…,"offset":…,"arrival_time":…,"topic":…,
 *      "message_id":…,"content_type":…,"payload":…}
 *
 * A payload that is JSON is embedded as it is, with its numbers' digits, its members' order and its
 * white space, except that line ends become spaces. Other text is a string. All else is base64, and
 * the last field is called `payload_base64`.
 */
import type { Message } from '../../message.ts'
import { type GrowingBuffer, writeAscii } from './growing-buffer.ts'
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

const TIME = ',"arrival_time":"'
const TOPIC = '","topic":'
const ID = ',"message_id":'
const PAYLOAD_NAMES: Readonly<Record<ContentType, string>> = {
  'application/json': ',"content_type":"application/json","payload":',
  'text/plain': ',"content_type":"text/plain","payload":',
  'application/octet-stream': ',"content_type":"application/octet-stream","payload_base64":',
}
const END = 0x7d
/** All that is the same in every row, and bounds of numbers and times. */
const FRAME_BYTES =
  MAX_NUMBER_BYTES +
  TIME.length +
  MAX_TIME_BYTES +
  TOPIC.length +
  ID.length +
  PAYLOAD_NAMES['application/octet-stream'].length +
  1

export class RowWriter {
  readonly #connectorId: string
  readonly #times = new TimeWriter()
  #channel = ''
  #logId = ''
  /** The beginning of every row of the channel and log above. */
  #head = Buffer.alloc(0)

  constructor(connectorId: string) {
    this.#connectorId = connectorId
  }

  /** Appends the message's row, without a line end. */
  write(out: GrowingBuffer, origin: RowOrigin, message: Message): void {
    const head = this.#headOf(origin)
    const { offset, receivedAt, topic, messageId } = message
    const payload = payloadOf(message)
    const type = contentTypeOf(payload.bytes, payload.start, payload.stop)
    out.reserve(
      head.length +
        FRAME_BYTES +
        maxJsonTextBytes(topic) +
        maxJsonTextBytes(messageId) +
        jsonPayloadBytes(payload, type),
    )
    const target = out.bytes
    let end = out.length
    for (let i = 0; i < head.length; i++) target[end++] = head[i] ?? 0
    end = writeWholeNumber(offset, target, end)
    end = writeAscii(TIME, target, end)
    end = this.#times.write(receivedAt, target, end)
    end = writeAscii(TOPIC, target, end)
    end = writeJsonText(topic, target, end)
    end = writeAscii(ID, target, end)
    end = writeJsonText(messageId, target, end)
    end = writeAscii(PAYLOAD_NAMES[type], target, end)
    end = writeJsonPayload(payload, type, target, end)
    target[end] = END
    out.length = end + 1
  }

  #headOf({ channel, logId }: RowOrigin): Buffer {
    if (channel !== this.#channel || logId !== this.#logId || this.#head.length === 0) {
      const fields = JSON.stringify({ connector: this.#connectorId, channel, log_id: logId })
      this.#head = Buffer.from(`${fields.slice(0, -1)},"offset":`)
      this.#channel = channel
      this.#logId = logId
    }
    return this.#head
  }
}
