/** Rows of one batch, in a temporary table of DuckDB that may grow beyond memory. */
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api'
import { textLiteral } from '../duckdb/sql-text.ts'
import { PART_COLUMN, rowColumnsOf, type TableLocation } from '../tables/table-location.ts'
import type { StagedRow } from './staged-row.ts'

const STAGED = 'staged'
const FLUSH_BYTES = 8_000_000

export class Stage {
  readonly #connection: DuckDBConnection
  readonly #duckdb: typeof import('@duckdb/node-api')
  readonly #counts = new Map<string, number>()
  #appender: DuckDBAppender | undefined
  #bytes = 0

  private constructor(connection: DuckDBConnection, duckdb: typeof import('@duckdb/node-api')) {
    this.#connection = connection
    this.#duckdb = duckdb
  }

  /** @param temporaryDirectory for what memory does not hold */
  static async open(connection: DuckDBConnection, temporaryDirectory: string): Promise<Stage> {
    await connection.run(`SET temp_directory = ${textLiteral(temporaryDirectory)}`)
    await connection.run(
      `CREATE TEMP TABLE ${STAGED} (source INTEGER, day VARCHAR, "offset" BIGINT,
         arrival_time TIMESTAMP, message_id VARCHAR, payload BLOB)`,
    )
    return new Stage(connection, await import('@duckdb/node-api'))
  }

  /** By day: how many rows there are. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  /** To be called before rows of a source are added. */
  async begin(): Promise<void> {
    this.#appender ??= await this.#connection.createAppender(STAGED)
  }

  /** @param source its number in the batch */
  add(source: number, { day, arrivedAt, payload }: StagedRow, messageId: string): void {
    const appender = this.#appender
    if (appender === undefined) throw new Error('begin() was not called')
    const offset = this.#counts.get(day) ?? 0
    this.#counts.set(day, offset + 1)
    appender.appendInteger(source)
    appender.appendVarchar(day)
    appender.appendBigInt(BigInt(offset))
    appender.appendTimestamp(new this.#duckdb.DuckDBTimestampValue(BigInt(arrivedAt) * 1000n))
    appender.appendVarchar(messageId)
    appender.appendBlob(payload)
    appender.endRow()
    this.#bytes += payload.length
    if (this.#bytes >= FLUSH_BYTES) this.flush()
  }

  flush(): void {
    this.#appender?.flushSync()
    this.#bytes = 0
  }

  close(): void {
    this.#appender?.closeSync()
    this.#appender = undefined
  }

  /** Takes the rows of the last source out again. @param before `counts` before its first row */
  async removeLast(source: number, before: ReadonlyMap<string, number>): Promise<void> {
    this.close()
    await this.#connection.run(`DELETE FROM ${STAGED} WHERE source = ${source}`)
    this.#counts.clear()
    for (const [day, count] of before) this.#counts.set(day, count)
  }

  /** The rows of a day with the columns that every row of the table has. */
  sourceOf(table: TableLocation, day: string): string {
    const given = ['offset', 'arrival_time', 'message_id', 'payload']
    const columns = rowColumnsOf(table).map(({ name, type }) => {
      if (given.includes(name)) return `"${name}"`
      return name === PART_COLUMN
        ? `CAST(0 AS ${type}) AS ${name}`
        : `CAST(NULL AS ${type}) AS ${name}`
    })
    return `(SELECT ${columns.join(', ')} FROM ${STAGED} WHERE day = ${textLiteral(day)})`
  }

  /** A sample of payloads, spread over all rows of all days. */
  sampleOf(rows: number, largestBytes: number): string {
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
    const step = Math.max(1, Math.floor(total / rows))
    return `SELECT payload FROM ${STAGED}
      WHERE "offset" % ${step} = 0 AND octet_length(payload) <= ${largestBytes} LIMIT ${rows * 2}`
  }
}
