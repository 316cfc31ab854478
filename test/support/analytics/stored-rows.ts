/** Rows as a connector stores them, without a connector: `stored_rows` reads a table. */
import type { DuckDBConnection } from '@duckdb/node-api'

export interface StoredRow {
  readonly offset: number
  /** Milliseconds since 1970. */
  readonly time: number
  readonly payload: string | Uint8Array
  readonly topic?: string
  readonly messageId?: string
  readonly senderId?: string | undefined
  readonly responseTopic?: string | undefined
  readonly correlationData?: Uint8Array | undefined
}

export async function storeRows(
  connection: DuckDBConnection,
  rows: readonly StoredRow[],
): Promise<void> {
  await connection.run(`CREATE OR REPLACE TABLE stored ("offset" BIGINT, arrival_time TIMESTAMP,
    message_id VARCHAR, topic VARCHAR, sender_id VARCHAR, response_topic VARCHAR,
    correlation_data BLOB, payload BLOB)`)
  await connection.run(`CREATE OR REPLACE MACRO stored_rows(channel, "from", "to") AS TABLE
    SELECT * FROM stored WHERE "offset" >= "from" AND "offset" < "to" ORDER BY "offset"`)
  for (let at = 0; at < rows.length; at += 1000) {
    const values = rows.slice(at, at + 1000).map(valuesOf)
    await connection.run(`INSERT INTO stored VALUES ${values.join(', ')}`)
  }
}

function valuesOf(row: StoredRow): string {
  const { offset, time, topic = 'devices/a', messageId = `m-${offset}` } = row
  return `(${[
    offset,
    `make_timestamp(${time * 1000})`,
    text(messageId),
    text(topic),
    text(row.senderId),
    text(row.responseTopic),
    bytes(row.correlationData),
    bytes(row.payload),
  ].join(', ')})`
}

/** By way of its bytes, so that nothing needs quoting. */
function text(value: string | undefined): string {
  return value === undefined ? 'NULL' : `decode(${bytes(value)})`
}

function bytes(value: string | Uint8Array | undefined): string {
  return value === undefined ? 'NULL' : `unhex('${Buffer.from(value).toString('hex')}')`
}
