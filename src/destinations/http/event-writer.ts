/**
 * Writes messages as CloudEvents 1.0 in JSON. `source` and `id` together name a message, as the
 * standard asks for: receivers can recognise one that is sent twice.
 */
import type { Message } from '../../message.ts'
import { type GrowingBuffer, writeAscii } from '../rows/growing-buffer.ts'
import {
  MAX_NUMBER_BYTES,
  maxJsonTextBytes,
  writeJsonText,
  writeWholeNumber,
} from '../rows/json-text.ts'
import {
  type ContentType,
  contentTypeOf,
  jsonPayloadBytes,
  payloadOf,
  writeJsonPayload,
} from '../rows/payload.ts'
import type { RowOrigin } from '../rows/row-writer.ts'
import { MAX_TIME_BYTES, TimeWriter } from '../rows/time-text.ts'

const TIME = '","time":"'
const SUBJECT = '","subject":'
/** An extension attribute: the standard has no place for the sender's own id. */
const MESSAGE_ID = ',"messageid":'
const DATA_NAMES: Readonly<Record<ContentType, string>> = {
  'application/json': ',"datacontenttype":"application/json","data":',
  'text/plain': ',"datacontenttype":"text/plain","data":',
  'application/octet-stream': ',"datacontenttype":"application/octet-stream","data_base64":',
}
const END = 0x7d
const FRAME_BYTES =
  MAX_NUMBER_BYTES +
  TIME.length +
  MAX_TIME_BYTES +
  SUBJECT.length +
  MESSAGE_ID.length +
  DATA_NAMES['application/octet-stream'].length +
  1

export class EventWriter {
  readonly #connectorId: string
  readonly #type: string
  readonly #times = new TimeWriter()

  /** @param type the attribute `type` of every event */
  constructor(connectorId: string, type: string) {
    this.#connectorId = connectorId
    this.#type = type
  }

  /** Appends the message's event, without a line end. */
  write(out: GrowingBuffer, { channel, logId }: RowOrigin, message: Message): void {
    const head = this.#headOf(channel, logId)
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
    let end = writeAscii(head, target, out.length)
    end = writeWholeNumber(offset, target, end)
    end = writeAscii(TIME, target, end)
    end = this.#times.write(receivedAt, target, end)
    end = writeAscii(SUBJECT, target, end)
    end = writeJsonText(topic, target, end)
    end = writeAscii(MESSAGE_ID, target, end)
    end = writeJsonText(messageId, target, end)
    end = writeAscii(DATA_NAMES[type], target, end)
    end = writeJsonPayload(payload, type, target, end)
    target[end] = END
    out.length = end + 1
  }

  /** ASCII: channels and ids have no other characters, and neither has the type. */
  #headOf(channel: string, logId: string): string {
    const source = `/connectors/${this.#connectorId}/channels/${channel}`
    const type = JSON.stringify(this.#type)
    return `{"specversion":"1.0","type":${type},"source":"${source}","id":"${logId}-`
  }
}
