/**
 * The nouns every layer shares: a draft on its way in, a message in a log, a receipt on its way
 * back to the sender.
 */

/**
 * BatchPutMessage and Greengrass: 128 KB per message, taken as 131,072 bytes. Specification,
 * Limits.
 */
export const MAX_PAYLOAD_BYTES = 131_072

/** Specification, Limits: maximum length of a topic string, in bytes of UTF-8. */
export const MAX_TOPIC_BYTES = 256

/**
 * Where a sender wants its own receipt: MQTT 5 response topic and correlation data [MQTT-3.3.2-13
 * ff.].
 */
export interface ReplyTo {
  readonly topic: string
  readonly correlation: Buffer | undefined
}

/**
 * A message before it has an offset in a log. Routing has **one** draft and fills it for each
 * message, so that accepting a message allocates nothing. A function that takes a draft copies
 * what it needs before it returns.
 *
 * The payload is `text`, stored as UTF-8, or `bytes[start, end)` if `text` is undefined.
 */
export interface Draft {
  receivedAt: number
  topic: string
  /**
   * The id the sender gave. `''` when it gave none for a formatted message, whose receipt then
   * carries the id the connector generates; undefined for binary messages, whose receipts carry none.
   */
  id: string | undefined
  text: string | undefined
  bytes: Buffer
  start: number
  end: number
  reply: ReplyTo | undefined
}

/**
 * A message as a log hands it out. Its buffers stay valid for as long as somebody holds them. Members
 * may be made when they are asked for: take them by name, a spread misses them.
 */
export interface Message {
  /** Its place in the channel's log: 0, 1, 2, … without gaps. Never used twice. */
  readonly offset: number
  /** Milliseconds since 1970, by this machine's clock at the time. */
  readonly receivedAt: number
  readonly topic: string
  /** `Draft.id`: of any length and content. Only receipts carry it as it is (`receiptIdOf`). */
  readonly senderId: string | undefined
  /**
   * The id on the wire, 1–128 ASCII characters: the sender's where it fits, otherwise made from
   * log and offset, so that a message sent again after a crash carries the same id.
   */
  readonly messageId: string
  readonly payload: Buffer
  readonly reply: ReplyTo | undefined
  /**
   * Where its bytes are, if its log has them in one place: for senders that copy them from there.
   */
  readonly packed?: PackedMessage | undefined
}

/**
 * Where `bytes` holds a message's id and its payload, so that neither has to be an object to be
 * sent.
 */
export interface PackedMessage {
  readonly bytes: Buffer
  /**
   * The sender's id, when that is the `messageId` too and can stand between quotes in JSON as it is
   * (`isPlainId`). Empty otherwise.
   */
  readonly idStart: number
  readonly idEnd: number
  readonly payloadStart: number
  readonly payloadEnd: number
}

/** What a receipt says went wrong: the specification's `error` and `error_message`. */
export interface Refusal {
  /**
   * A code of ours (`errors.ts`) or the destination's own name for it
   * (`ResourceNotFoundException`).
   */
  readonly error: string
  readonly message: string
}

/**
 * Notes what happened to messages, and informs their senders if they listen. Calls are cheap and
 * never fail; receipts go out in batches.
 */
export interface ReceiptSink {
  /**
   * A message with a response topic was accepted: its receipt is needed even without a subscriber.
   */
  expectReply(): void
  failure(senderId: string | undefined, reply: ReplyTo | undefined, refusal: Refusal): void
}

const NO_BYTES = Buffer.alloc(0)
const ASCII_ID = /^[\x20-\x7e]{1,128}$/
export const MAX_MESSAGE_ID_LENGTH = 128

/** Whether a sender's id can be the `messageId` of BatchPutMessage: 1–128 ASCII characters. */
export function fitsAsMessageId(id: string): boolean {
  return ASCII_ID.test(id)
}

/** The same of an id in UTF-8, and whether JSON writes it as it is: without `"` and `\\`. */
export function isPlainId(bytes: Buffer, start: number, end: number): boolean {
  if (start === end || end - start > MAX_MESSAGE_ID_LENGTH) return false
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    if (byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c) return false
  }
  return true
}

/** Whether the id can be copied from the message's bytes. */
export function hasPackedId(packed: PackedMessage | undefined): packed is PackedMessage {
  return packed !== undefined && packed.idEnd > packed.idStart
}

/** `message.payload.length`, without making the payload. */
export function payloadBytesOf(message: Message): number {
  const { packed } = message
  return packed === undefined ? message.payload.length : packed.payloadEnd - packed.payloadStart
}

/**
 * Specification, "Input Data": the sender's id; a generated one where it was omitted; none for
 * binary.
 */
export function receiptIdOf(message: Message): string | undefined {
  return message.senderId === '' ? message.messageId : message.senderId
}

/** The wire id of a message whose sender gave none that fits. At most 25 characters. */
export function generatedMessageId(logId: string, offset: number): string {
  return `${logId}-${offset}`
}

/** A draft that was not stored, as a message: as much of it as a receipt needs. */
export function messageOfDraft({ receivedAt, topic, id, reply }: Draft): Message {
  const messageId = id ?? ''
  return { offset: -1, receivedAt, topic, senderId: id, messageId, payload: NO_BYTES, reply }
}
