/**
 * The records of one partition, as they go over the wire (magic 2):
 *
 *     0            8         12            16      17    21           23                27
 *     │ first = 0  │ length  │ epoch = −1  │ 2     │ crc │ attributes │ last delta      │
 *     27           35            43            51              53               57      61
 *     │ first time │ latest time │ producer id │ producer epoch │ first sequence │ count │ records
 *
 * The bytes, once sealed, stay the same however often they are sent: that is how the broker
 * recognises them.
 */
import { GrowingBuffer } from '../../rows/growing-buffer.ts'

const HEAD_BYTES = 61
const LENGTH_AT = 8
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const PRODUCER_ID_AT = 43
const NO_LEADER_EPOCH = -1
const MAGIC = 2
const TRANSACTIONAL = 0x10
const FIRST_BYTES = 8_192
const MAX_SEQUENCE = 0x7fffffff

export interface ProducerId {
  readonly id: bigint
  readonly epoch: number
}

export interface Compression {
  readonly bits: number
  compress(records: Buffer): Buffer
}

export interface SealOptions {
  readonly producer: ProducerId
  readonly sequence: number
  readonly isTransactional: boolean
  readonly compression: Compression | undefined
  readonly crc32c: (bytes: Buffer) => number
}

export class RecordBatch {
  readonly topic: string
  readonly partition: number
  count = 0
  producer: ProducerId | undefined
  /** The whole batch, once it is sealed. */
  bytes: Buffer = Buffer.alloc(0)
  readonly #records = new GrowingBuffer(FIRST_BYTES)
  #firstTime = 0
  #latestTime = 0
  #crc32c: SealOptions['crc32c'] | undefined

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
    this.#records.length = HEAD_BYTES
  }

  /** Where records are appended. */
  get records(): GrowingBuffer {
    return this.#records
  }

  get length(): number {
    return this.#records.length
  }

  /** The time that the next record is counted from. */
  baseTime(timeMs: number): number {
    if (this.count === 0) this.#firstTime = timeMs
    return this.#firstTime
  }

  /** Counts the record that has been appended. */
  added(timeMs: number): void {
    this.count++
    this.#latestTime = this.count === 1 ? timeMs : Math.max(this.#latestTime, timeMs)
  }

  seal({ producer, sequence, isTransactional, compression, crc32c }: SealOptions): void {
    const head = this.#records.bytes
    if (compression === undefined) {
      this.bytes = this.#records.content()
    } else {
      const records = this.#records.bytes.subarray(HEAD_BYTES, this.#records.length)
      this.bytes = Buffer.concat([head.subarray(0, HEAD_BYTES), compression.compress(records)])
    }
    const { bytes } = this
    bytes.writeBigInt64BE(0n, 0)
    bytes.writeInt32BE(bytes.length - LENGTH_AT - 4, LENGTH_AT)
    bytes.writeInt32BE(NO_LEADER_EPOCH, 12)
    bytes[16] = MAGIC
    const attributes = (compression?.bits ?? 0) | (isTransactional ? TRANSACTIONAL : 0)
    bytes.writeInt16BE(attributes, ATTRIBUTES_AT)
    bytes.writeInt32BE(this.count - 1, 23)
    bytes.writeBigInt64BE(BigInt(this.#firstTime), 27)
    bytes.writeBigInt64BE(BigInt(this.#latestTime), 35)
    bytes.writeInt32BE(this.count, 57)
    this.#crc32c = crc32c
    this.stamp(producer, sequence)
  }

  /** Gives the sealed batch another producer id. */
  stamp(producer: ProducerId, sequence: number): void {
    const { bytes } = this
    this.producer = producer
    bytes.writeBigInt64BE(producer.id, PRODUCER_ID_AT)
    bytes.writeInt16BE(producer.epoch, 51)
    bytes.writeInt32BE(sequence, 53)
    bytes.writeUInt32BE(this.#crc32c?.(bytes.subarray(ATTRIBUTES_AT)) ?? 0, CRC_AT)
  }
}

/** Sequences of a partition go from 0 to 2³¹ − 1 and then begin again. */
export function nextSequence(sequence: number, count: number): number {
  return sequence > MAX_SEQUENCE - count ? count - (MAX_SEQUENCE - sequence) - 1 : sequence + count
}
