/**
 * The rows of one row group, column by column. Payloads are copied into one buffer, so that nothing
 * holds the memory of the log.
 */
import type { Message } from '../../../message.ts'
import { GrowingBuffer } from '../../rows/growing-buffer.ts'
import { type ContentType, contentTypeOf, payloadOf } from '../../rows/payload.ts'
import type { TypedColumns } from './typed-columns.ts'

/** Bounds of a row group: it is held in memory, and written without a pause. */
const MAX_ROWS = 8_000
const MAX_BYTES = 2_097_152
/** Longer topics and ids than these do not exist. They count as payload. */
const ROW_BYTES = 32

export class RowGroup {
  readonly offsets: bigint[] = []
  /** Microseconds since 1970. */
  readonly arrivalTimes: bigint[] = []
  readonly topics: string[] = []
  readonly messageIds: string[] = []
  readonly contentTypes: ContentType[] = []
  readonly #payloads = new GrowingBuffer(524_288)
  readonly #ends: number[] = []
  #bytes = 0

  get rows(): number {
    return this.offsets.length
  }

  get isFull(): boolean {
    return this.rows >= MAX_ROWS || this.#bytes >= MAX_BYTES
  }

  add(message: Message, typed: TypedColumns): void {
    const { offset, receivedAt, topic, messageId } = message
    const { bytes, start, stop } = payloadOf(message)
    const type = contentTypeOf(bytes, start, stop)
    if (type === 'application/json' && typed.areWanted) {
      typed.add(this.rows, JSON.parse(bytes.toString('utf8', start, stop)))
    }
    this.offsets.push(BigInt(offset))
    this.arrivalTimes.push(BigInt(Math.floor(receivedAt)) * 1_000n)
    this.topics.push(topic)
    this.messageIds.push(messageId)
    this.contentTypes.push(type)
    const payloads = this.#payloads
    payloads.reserve(stop - start)
    bytes.copy(payloads.bytes, payloads.length, start, stop)
    payloads.length += stop - start
    this.#ends.push(payloads.length)
    this.#bytes += stop - start + topic.length + ROW_BYTES
  }

  /** The payloads that are text, JSON included; null for the others. */
  texts(): (Uint8Array | null)[] {
    return this.#payloadsWhere((type) => type !== 'application/octet-stream')
  }

  /** The payloads that are not text; null for the others. */
  binaries(): (Uint8Array | null)[] {
    return this.#payloadsWhere((type) => type === 'application/octet-stream')
  }

  #payloadsWhere(isWanted: (type: ContentType) => boolean): (Uint8Array | null)[] {
    const { bytes } = this.#payloads
    let start = 0
    return this.#ends.map((end, row) => {
      const type = this.contentTypes[row] ?? 'application/octet-stream'
      const payload = isWanted(type) ? bytes.subarray(start, end) : null
      start = end
      return payload
    })
  }
}
