/**
 * The rows of one row group, column by column. Everything is copied, so that nothing holds the memory
 * of the log.
 */
import type { Message } from '../../../message.ts'
import type { RowOrigin } from '../../rows/message-writer.ts'
import { contentTypeOf, payloadOf } from '../../rows/payload.ts'
import {
  BytesColumn,
  type Column,
  ConstantColumn,
  CountingColumn,
  DictionaryColumn,
} from '../parquet/columns.ts'
import { CONVERTED } from '../parquet/format.ts'
import type { TypedColumn, TypedColumns, ValueTarget } from './typed-columns.ts'
import { TypedValues } from './typed-values.ts'

/** Bounds of a row group: it is held in memory. */
const MAX_ROWS = 8_000
const MAX_BYTES = 2_097_152
/** Longer topics and ids than these do not exist. They count as payload. */
const ROW_BYTES = 32
const PAYLOAD_BYTES = 524_288
const ID_BYTES = 131_072
/** Microseconds in a millisecond. */
const MICROS = 1_000

export class RowGroup implements ValueTarget {
  readonly #offset = new CountingColumn({ name: 'offset' })
  readonly #arrivalTime = new CountingColumn(
    { name: 'arrival_time', converted: CONVERTED.timestampMicros },
    MICROS,
  )
  readonly #topic = new DictionaryColumn('topic')
  readonly #messageId = new BytesColumn(
    { name: 'message_id', converted: CONVERTED.utf8, isOptional: false },
    ID_BYTES,
  )
  readonly #contentType = new DictionaryColumn('content_type')
  readonly #payload = new BytesColumn(
    { name: 'payload', converted: CONVERTED.utf8, isOptional: true },
    PAYLOAD_BYTES,
  )
  readonly #payloadBytes = new BytesColumn({ name: 'payload_bytes', isOptional: true })
  readonly #ofEveryRow: readonly Column[]
  /** By the columns' numbers. */
  readonly #typed = new Map<number, TypedValues>()
  #rows = 0
  #bytes = 0

  constructor(connectorId: string, { channel, logId }: RowOrigin) {
    this.#ofEveryRow = [
      new ConstantColumn('connector', connectorId),
      new ConstantColumn('channel', channel),
      new ConstantColumn('log_id', logId),
      this.#offset,
      this.#arrivalTime,
      this.#topic,
      this.#messageId,
      this.#contentType,
      this.#payload,
      this.#payloadBytes,
    ]
  }

  get rows(): number {
    return this.#rows
  }

  get isFull(): boolean {
    return this.#rows >= MAX_ROWS || this.#bytes >= MAX_BYTES
  }

  add(message: Message, typed: TypedColumns): void {
    const { offset, receivedAt, topic, messageId } = message
    const { bytes, start, stop } = payloadOf(message)
    const row = this.#rows
    const type = typed.areWanted
      ? typed.add(bytes, start, stop, this)
      : contentTypeOf(bytes, start, stop)
    this.#offset.add(offset)
    this.#arrivalTime.add(Math.floor(receivedAt))
    this.#topic.add(topic)
    this.#messageId.add(row, messageId)
    this.#contentType.add(type)
    const payload = type === 'application/octet-stream' ? this.#payloadBytes : this.#payload
    payload.addBytes(row, bytes, start, stop)
    this.#rows = row + 1
    this.#bytes += stop - start + topic.length + ROW_BYTES
  }

  /** Of the row that is being added. */
  addValue(column: TypedColumn, bytes: Buffer, start: number, stop: number): boolean {
    return this.#valuesOf(column).add(this.#rows, bytes, start, stop)
  }

  /** @param typed those of the file, with their types */
  columns(typed: readonly TypedColumn[]): readonly Column[] {
    return [...this.#ofEveryRow, ...typed.map((column) => this.#valuesOf(column).column)]
  }

  clear(): void {
    for (const column of this.#ofEveryRow) column.clear()
    for (const values of this.#typed.values()) values.column.clear()
    this.#rows = 0
    this.#bytes = 0
  }

  #valuesOf(column: TypedColumn): TypedValues {
    const known = this.#typed.get(column.number)
    if (known !== undefined) return known
    const values = new TypedValues(column)
    this.#typed.set(column.number, values)
    return values
  }
}
