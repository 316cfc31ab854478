/** Writes a result in one of the formats, part by part, no faster than it is read. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api'
import { ConnectorError } from '../../errors.ts'
import { formatSize } from '../../units.ts'
import { textLiteral, withoutEnd } from '../duckdb/sql-text.ts'
import { Csv } from './formats/csv.ts'
import { JsonLines } from './formats/json-lines.ts'
import { QuotedCsv } from './formats/quoted-csv.ts'
import type { ResultRow, RowFormat } from './formats/row-format.ts'
import { Table } from './formats/table.ts'
import { columnsOf } from './result-columns.ts'

/** Rows that are made into text at once. */
const ROWS_AT_ONCE = 128
const PART_BYTES = 64 * 1024
const WATCH_MS = 100

export interface ResultBounds {
  readonly maxRows?: number | undefined
  readonly maxResultBytes: number
}

export interface Written {
  readonly rows: number
  readonly isCut: boolean
}

export type Emit = (part: Buffer) => Promise<void>

export function rowFormat(
  name: 'table' | 'csv' | 'quotedCsv' | 'jsonl',
  width: number | undefined,
): RowFormat {
  if (name === 'csv') return new Csv()
  if (name === 'quotedCsv') return new QuotedCsv()
  return name === 'jsonl' ? new JsonLines() : new Table(width)
}

/** Collects text until it is worth an event, and counts it. */
class Parts {
  readonly #emit: Emit
  readonly #maxBytes: number
  #texts: string[] = []
  #length = 0
  #bytes = 0
  #isBegun = false

  constructor(emit: Emit, maxBytes: number) {
    this.#emit = emit
    this.#maxBytes = maxBytes
  }

  async add(text: string): Promise<void> {
    this.#texts.push(text)
    this.#length += text.length
    if (this.#length >= PART_BYTES || !this.#isBegun) await this.flush()
  }

  async flush(): Promise<void> {
    const part = Buffer.from(this.#texts.join(''))
    this.#texts = []
    this.#length = 0
    this.#bytes += part.length
    if (this.#bytes > this.#maxBytes) throw tooLarge(this.#maxBytes)
    if (part.length > 0 || !this.#isBegun) await this.#emit(part)
    this.#isBegun = true
  }
}

export async function writeRows(
  statement: DuckDBPreparedStatement,
  format: RowFormat,
  bounds: ResultBounds,
  emit: Emit,
): Promise<Written> {
  const { maxRows = Number.POSITIVE_INFINITY, maxResultBytes } = bounds
  const result = await statement.stream()
  const parts = new Parts(emit, maxResultBytes)
  let rows = 0
  let text = format.begin(columnsOf(result))
  for await (const chunk of result) {
    for (let from = 0; from < chunk.rowCount; from += ROWS_AT_ONCE) {
      const to = Math.min(from + ROWS_AT_ONCE, chunk.rowCount, from + maxRows - rows)
      const some: ResultRow[] = []
      for (let index = from; index < to; index++) some.push(chunk.getRowValues(index))
      await parts.add(text + format.rows(some))
      text = ''
      rows += some.length
      if (rows >= maxRows && to < chunk.rowCount) return await ended({ rows, isCut: true })
    }
  }
  return await ended({ rows, isCut: false })

  async function ended(written: Written): Promise<Written> {
    await parts.add(text + format.end())
    await parts.flush()
    return written
  }
}

/** @param sql has passed as a single SELECT */
export async function writeParquet(
  connection: DuckDBConnection,
  sql: string,
  file: string,
  { maxRows, maxResultBytes }: ResultBounds,
  emit: Emit,
): Promise<Written> {
  const limit = maxRows === undefined ? '' : ` limit ${maxRows}`
  // The line end closes a comment at the end of the query.
  const copy =
    `copy (select * from (${withoutEnd(sql)}\n)${limit}) to ${textLiteral(file)} ` +
    '(format parquet, compression zstd, use_tmp_file false)'
  let isTooLarge = false
  const watch = setInterval(() => {
    stat(file).then(
      ({ size }) => {
        if (size <= maxResultBytes) return
        isTooLarge = true
        connection.interrupt()
      },
      () => {},
    )
  }, WATCH_MS)
  try {
    const { rowsChanged } = await connection.run(copy)
    const { size } = await stat(file)
    if (size > maxResultBytes) isTooLarge = true
    if (isTooLarge) throw tooLarge(maxResultBytes)
    for await (const part of createReadStream(file, { highWaterMark: PART_BYTES })) await emit(part)
    return { rows: rowsChanged, isCut: rowsChanged === maxRows }
  } catch (thrown) {
    throw isTooLarge ? tooLarge(maxResultBytes) : thrown
  } finally {
    clearInterval(watch)
  }
}

/** The plan as DuckDB draws it. */
export async function writePlan(
  connection: DuckDBConnection,
  sql: string,
  emit: Emit,
): Promise<void> {
  const reader = await connection.runAndReadAll(`explain ${sql}`)
  const plans = reader.getRows().map((row) => `${String(row[1])}\n`)
  await emit(Buffer.from(plans.join('')))
}

function tooLarge(maxBytes: number): ConnectorError {
  return new ConnectorError(
    'QueryLimit',
    `The result is larger than ${formatSize(maxBytes)} (analytics.query.maxResultBytes). ` +
      'Select fewer rows or columns, or raise the limit.',
  )
}
