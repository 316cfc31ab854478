/**
 * Reads the body of BatchPutMessage:
 * `{"channelName":…,"messages":[{"messageId":…,"payload":"<base64>"}]}`
 *
 * A request that no correct client sends is refused as a whole.
 */

import { ServiceException } from '../../aws-server/service-answer.ts'
import { isChannelName } from '../../channel-name.ts'
import { fitsAsMessageId } from '../../message.ts'
import { quoted } from '../../shown-text.ts'

/** Quota of BatchPutMessage (L-59E2DC0E). Specification, Limits. */
export const MAX_BATCH_MESSAGES = 100
const MIN_BUFFER_BYTES = 64 * 1024
const MAX_KEPT_BYTES = 1024 * 1024

export interface BatchEntry {
  readonly messageId: string
  /** The payload in base64. */
  readonly payload: string
}

export interface BatchRequest {
  readonly channel: string
  /** At least one. No two have the same id. */
  readonly messages: readonly BatchEntry[]
}

/** @throws {ServiceException} InvalidRequestException */
export function parseBatch(body: Buffer, maxMessages = MAX_BATCH_MESSAGES): BatchRequest {
  const { channelName, messages } = objectIn(body)
  if (typeof channelName !== 'string' || !isChannelName(channelName)) {
    throw invalid(
      `channelName: expected 1 to 128 of A-Z a-z 0-9 _, not beginning with two underscores, got ${shownValue(channelName)}`,
    )
  }
  if (!Array.isArray(messages)) throw invalid('messages: expected a list')
  if (messages.length === 0 || messages.length > maxMessages) {
    throw invalid(`messages: expected 1 to ${maxMessages}, got ${messages.length}`)
  }
  const ids = new Set<string>()
  for (const [index, entry] of messages.entries()) {
    checkEntry(entry, index)
    ids.add(entry.messageId)
  }
  if (ids.size < messages.length) {
    throw invalid('messages: expected a messageId that no other message of the batch has')
  }
  return { channel: channelName, messages }
}

/** Payloads back to back. They are valid until the next call. */
export interface DecodedPayloads {
  readonly bytes: Buffer
  /** `ends[i]` is where payload i ends; it begins where the one before ended. */
  readonly ends: readonly number[]
}

/** Its buffer is used again, because a payload is copied when it is accepted. */
export class PayloadDecoder {
  #buffer = Buffer.alloc(0)

  /** @throws {ServiceException} InvalidRequestException if one is not base64 */
  decode(messages: readonly BatchEntry[]): DecodedPayloads {
    let characters = 0
    for (const { payload } of messages) characters += payload.length
    const bytes = this.#bufferFor((characters / 4) * 3)
    const ends: number[] = []
    let end = 0
    for (const entry of messages) {
      end += decodePayload(entry, bytes, end)
      ends.push(end)
    }
    return { bytes, ends }
  }

  #bufferFor(bytes: number): Buffer {
    if (this.#buffer.length >= bytes) return this.#buffer
    const buffer = Buffer.allocUnsafeSlow(Math.max(MIN_BUFFER_BYTES, Math.ceil(bytes)))
    if (buffer.length <= MAX_KEPT_BYTES) this.#buffer = buffer
    return buffer
  }
}

/** Returns the length of the payload. */
function decodePayload({ messageId, payload }: BatchEntry, target: Buffer, at: number): number {
  const padding = payload.endsWith('==') ? 2 : payload.endsWith('=') ? 1 : 0
  const bytes = (payload.length / 4) * 3 - padding
  // The decoder leaves out what is not base64, and ends at padding: then there are too few bytes.
  const isWhole = payload.length % 4 === 0 && bytes >= 0
  if (isWhole && target.write(payload, at, bytes, 'base64') === bytes) return bytes
  throw invalid(`payload of the message ${quoted(messageId)}: expected base64`)
}

function checkEntry(entry: unknown, index: number): asserts entry is BatchEntry {
  const { messageId, payload } = isObject(entry) ? entry : {}
  if (typeof messageId !== 'string' || !fitsAsMessageId(messageId)) {
    throw invalid(
      `messages[${index}].messageId: expected 1 to 128 characters of printable ASCII, got ${shownValue(messageId)}`,
    )
  }
  if (typeof payload !== 'string') {
    throw invalid(`messages[${index}].payload: expected text in base64`)
  }
}

function objectIn(body: Buffer): Readonly<Record<string, unknown>> {
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch {
    throw invalid('the body: expected JSON')
  }
  if (!isObject(parsed)) throw invalid('the body: expected a JSON object')
  return parsed
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shownValue(value: unknown): string {
  return typeof value === 'string' ? quoted(value) : `a value of type ${typeof value}`
}

function invalid(message: string): ServiceException {
  return new ServiceException('InvalidRequestException', message)
}
