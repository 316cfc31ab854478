/**
 * A message as it lies in a chunk. Most messages are copied from there into requests and receipts,
 * so texts and buffers are made only when they are asked for.
 */
import {
  fitsAsMessageId,
  generatedMessageId,
  isPlainId,
  type Message,
  type PackedMessage,
  type ReplyTo,
} from '../../../message.ts'

const NONE = -1

/** `RecordReader` fills it; nothing changes it after that. */
export class StoredMessage implements Message, PackedMessage {
  readonly logId: string
  readonly offset: number
  readonly bytes: Buffer
  receivedAt = 0
  topic = ''
  reply: ReplyTo | undefined = undefined
  idStart = 0
  idEnd = 0
  payloadStart = 0
  payloadEnd = 0
  /** The sender's id, whatever it contains; `NONE` if it gave none. */
  senderIdStart = NONE
  senderIdEnd = NONE

  constructor(logId: string, offset: number, bytes: Buffer) {
    this.logId = logId
    this.offset = offset
    this.bytes = bytes
  }

  setSenderId(start: number, end: number): void {
    this.senderIdStart = start
    this.senderIdEnd = end
    if (!isPlainId(this.bytes, start, end)) return
    this.idStart = start
    this.idEnd = end
  }

  get packed(): PackedMessage {
    return this
  }

  get senderId(): string | undefined {
    if (this.senderIdStart === NONE) return undefined
    return this.bytes.toString('utf8', this.senderIdStart, this.senderIdEnd)
  }

  get messageId(): string {
    const { senderId } = this
    return senderId !== undefined && fitsAsMessageId(senderId)
      ? senderId
      : generatedMessageId(this.logId, this.offset)
  }

  get payload(): Buffer {
    return this.bytes.subarray(this.payloadStart, this.payloadEnd)
  }
}
