/**
 * Writes messages as entries of a request, one after another with commas between them:
 *
 *     {"Data":"<base64>","PartitionKey":"…"},{"Data":…}
 *
 * An entry is written once. Requests, also those that repeat some of the records, copy it.
 */
import type { Message } from '../../../message.ts'
import type { Batch } from '../../destination.ts'
import { GrowingBuffer } from '../../rows/growing-buffer.ts'
import { maxJsonTextBytes, writeJsonText } from '../../rows/json-text.ts'
import { payloadOf } from '../../rows/payload.ts'
import { RowWriter } from '../../rows/row-writer.ts'
import type { RecordFormat, RecordService } from './record-service.ts'

/** Larger buffers are let go of after a batch. */
const MAX_KEPT_BYTES = 2_097_152
const DATA = '{"Data":"'
const KEY = '","PartitionKey":'
const LINE_FEED = 0x0a
const COMMA = 0x2c
const CLOSE = 0x7d
const QUOTE = 0x22

export interface EncodedRecord {
  /** In the batch. */
  readonly index: number
  /** Where its entry is, without a comma. */
  readonly start: number
  readonly end: number
  /** `''` if records have no keys. */
  readonly key: string
}

/** A record that is longer than the service takes. */
export interface OversizedRecord {
  readonly index: number
  readonly bytes: number
}

export interface EncodedBatch {
  readonly records: readonly EncodedRecord[]
  readonly oversized: readonly OversizedRecord[]
}

/** Undefined if records have no keys. */
export type KeyOf = ((message: Message) => string) | undefined

export class RecordEncoder {
  readonly #service: RecordService
  readonly #format: RecordFormat
  readonly #keyOf: KeyOf
  readonly #rows: RowWriter
  readonly #row = new GrowingBuffer()
  readonly #entries = new GrowingBuffer()
  readonly #body = new GrowingBuffer()

  constructor(service: RecordService, format: RecordFormat, connectorId: string, keyOf: KeyOf) {
    this.#service = service
    this.#format = format
    this.#keyOf = keyOf
    this.#rows = new RowWriter(connectorId)
  }

  /** What it returns is valid until `clear`. */
  encode(batch: Batch): EncodedBatch {
    const records: EncodedRecord[] = []
    const oversized: OversizedRecord[] = []
    for (const [index, message] of batch.messages.entries()) {
      const key = this.#keyOf?.(message) ?? ''
      const data = this.#dataOf(batch, message)
      const bytes = data.stop - data.start + (key === '' ? 0 : Buffer.byteLength(key))
      if (bytes > this.#service.maxRecordBytes) {
        oversized.push({ index, bytes })
        continue
      }
      const entries = this.#entries
      if (entries.length > 0) entries.writeByte(COMMA)
      const start = entries.length
      this.#writeEntry(data.bytes.toString('base64', data.start, data.stop), key)
      records.push({ index, start, end: entries.length, key })
    }
    return { records, oversized }
  }

  /** The body of a request with these records. Valid until the next body is made. */
  bodyOf(records: readonly EncodedRecord[]): Buffer {
    const body = this.#body
    body.clear()
    body.writeAscii(`{${this.#service.targetJson},"Records":[`)
    let first = 0
    while (first < records.length) {
      const next = endOfRun(records, first)
      if (first > 0) body.writeByte(COMMA)
      this.#copyEntries(records[first]?.start ?? 0, records[next - 1]?.end ?? 0)
      first = next
    }
    body.writeAscii(']}')
    return body.content()
  }

  clear(): void {
    for (const buffer of [this.#row, this.#entries, this.#body]) buffer.clear(MAX_KEPT_BYTES)
  }

  #dataOf(batch: Batch, message: Message): { bytes: Buffer; start: number; stop: number } {
    if (this.#format.format === 'payload') return payloadOf(message)
    const row = this.#row
    row.clear()
    this.#rows.write(row, batch, message)
    if (this.#format.endsLines) row.writeByte(LINE_FEED)
    return { bytes: row.bytes, start: 0, stop: row.length }
  }

  #writeEntry(base64: string, key: string): void {
    const entries = this.#entries
    entries.reserve(DATA.length + base64.length + KEY.length + maxJsonTextBytes(key) + 2)
    entries.writeAscii(DATA)
    const { bytes } = entries
    let end = entries.length + bytes.write(base64, entries.length, 'latin1')
    entries.length = end
    if (key === '') {
      bytes[end++] = QUOTE
    } else {
      entries.writeAscii(KEY)
      end = writeJsonText(key, bytes, entries.length)
    }
    bytes[end++] = CLOSE
    entries.length = end
  }

  #copyEntries(start: number, end: number): void {
    const body = this.#body
    body.reserve(end - start)
    this.#entries.bytes.copy(body.bytes, body.length, start, end)
    body.length += end - start
  }
}

/** The end of the run of records whose entries follow each other, from `first` on. */
function endOfRun(records: readonly EncodedRecord[], first: number): number {
  let next = first + 1
  while (next < records.length && records[next]?.start === (records[next - 1]?.end ?? 0) + 1) next++
  return next
}

/** Divides records into requests, in order. */
export function requestsOf(
  records: readonly EncodedRecord[],
  { maxRecords, maxRequestBytes }: RecordService,
): EncodedRecord[][] {
  const requests: EncodedRecord[][] = []
  let current: EncodedRecord[] = []
  let bytes = 0
  for (const record of records) {
    const more = record.end - record.start + 1
    if (current.length > 0 && (current.length >= maxRecords || bytes + more > maxRequestBytes)) {
      requests.push(current)
      current = []
      bytes = 0
    }
    current.push(record)
    bytes += more
  }
  if (current.length > 0) requests.push(current)
  return requests
}
