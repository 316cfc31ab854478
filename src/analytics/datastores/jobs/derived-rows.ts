/**
 * Rows that a pipeline has made, in memory, as a table of DuckDB: `derived_rows_1(from, to)`. They
 * are scanned more than once: to be counted, and to be written.
 */
import type { DuckDBConnection, DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api'
import { messageOf } from '../../../errors.ts'
import type { Message } from '../../../message.ts'

const NAME = 'derived_rows'
/** A function can't be replaced, so every table has a name of its own. */
let tables = 0
/** As many as a chunk of DuckDB holds. */
const CHUNK_ROWS = 2048

export interface DerivedRow {
  /** The message that it comes from. */
  readonly input: Message
  readonly part: number
  readonly payload: Buffer
}

interface Scan {
  readonly fills: readonly Fill[]
  at: number
  readonly end: number
}

type Fill = (vector: DuckDBVector, row: number, derived: DerivedRow) => void

export class DerivedRows {
  readonly #name = `${NAME}_${++tables}`
  /** By offset, then by part. */
  #rows: readonly DerivedRow[] = []

  /** Replaces the rows that the table has. */
  set(rows: readonly DerivedRow[]): void {
    this.#rows = rows
  }

  /** A call of the function: rows `from ≤ offset < to`. */
  source(from: number, to: number): string {
    return `${this.#name}(${from}, ${to})`
  }

  /** Adds the table function to the connection's instance. */
  async register(connection: DuckDBConnection): Promise<void> {
    const duckdb = await import('@duckdb/node-api')
    const { DuckDBBlobValue, DuckDBTableFunction, DuckDBTimestampValue } = duckdb
    const columns: readonly [string, ColumnKind, Fill][] = [
      ['offset', 'BIGINT', (v, row, { input }) => v.setItem(row, BigInt(input.offset))],
      [
        'arrival_time',
        'TIMESTAMP',
        (v, row, { input }) =>
          v.setItem(row, new DuckDBTimestampValue(BigInt(input.receivedAt) * 1000n)),
      ],
      ['message_id', 'VARCHAR', (v, row, { input }) => v.setItem(row, input.messageId)],
      ['topic', 'VARCHAR', (v, row, { input }) => v.setItem(row, input.topic)],
      ['sender_id', 'VARCHAR', (v, row, { input }) => v.setItem(row, input.senderId ?? null)],
      [
        'response_topic',
        'VARCHAR',
        (v, row, { input }) => v.setItem(row, input.reply?.topic ?? null),
      ],
      [
        'correlation_data',
        'BLOB',
        (v, row, { input: { reply } }) => {
          const bytes = reply?.correlation
          v.setItem(row, bytes === undefined ? null : new DuckDBBlobValue(bytes))
        },
      ],
      ['payload', 'BLOB', (v, row, { payload }) => v.setItem(row, new DuckDBBlobValue(payload))],
      ['part', 'INTEGER', (v, row, { part }) => v.setItem(row, part)],
    ]
    const table = DuckDBTableFunction.create({
      name: this.#name,
      parameterTypes: [duckdb.BIGINT, duckdb.BIGINT],
      supportsProjectionPushdown: true,
      bindFunction: (bind) => {
        for (const [name, kind] of columns) bind.addResultColumn(name, duckdb[kind])
        const [from, to] = [Number(bind.getParameter(0)), Number(bind.getParameter(1))]
        bind.setBindData({ at: this.#placeOf(from), end: this.#placeOf(to) })
      },
      initFunction: (init) => {
        init.setMaxThreads(1)
        const used = init.getColumnIndexes()
        const fills = used.flatMap((index) => columns[index]?.[2] ?? [])
        init.setInitData({ ...(init.bindData as Omit<Scan, 'fills'>), fills })
      },
      mainFunction: (info, output) => {
        try {
          this.#fill(info.initData as Scan, output)
        } catch (error) {
          info.setError(messageOf(error))
        }
      },
    })
    connection.registerTableFunction(table)
  }

  #fill(scan: Scan, output: DuckDBDataChunk): void {
    const rows = this.#rows.slice(scan.at, Math.min(scan.at + CHUNK_ROWS, scan.end))
    scan.at += rows.length
    // Must be set before the columns: it says how many items they have.
    output.rowCount = rows.length
    if (rows.length === 0) return
    for (const [column, fill] of scan.fills.entries()) {
      const vector = output.getColumnVector(column)
      for (const [row, derived] of rows.entries()) fill(vector, row, derived)
      vector.flush()
    }
  }

  /** Of the first row whose offset is not below. */
  #placeOf(offset: number): number {
    let [low, high] = [0, this.#rows.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#rows[middle]?.input.offset ?? 0) < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

type ColumnKind = 'BIGINT' | 'TIMESTAMP' | 'VARCHAR' | 'BLOB' | 'INTEGER'
