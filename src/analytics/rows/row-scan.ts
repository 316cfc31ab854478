/** Stored rows as a table of DuckDB: `stored_rows(channel, from, to)`, in the order of offsets. */
import type { DuckDBConnection, DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api'
import { messageOf } from '../../errors.ts'
import type { Message } from '../../message.ts'
import { loadDuckdb } from '../duckdb/load-duckdb.ts'
import { ROW_COLUMNS, type RowColumn } from './row-columns.ts'
import { type RowRange, RowReader, type RowStream } from './row-stream.ts'

export const STORED_ROWS = 'stored_rows'

/** Of this process: a thread costs more than reading some thousand rows. */
const READER = new RowReader()
/** As many as a chunk of DuckDB holds. */
const CHUNK_ROWS = 2048

type Fill = (vector: DuckDBVector, row: number, message: Message) => void

/** What a scan needs besides its rows. */
interface Scan {
  readonly stream: RowStream
  readonly fills: readonly Fill[]
}

/**
 * Adds the table function to the connection's instance. Columns that a statement does not use are
 * not filled.
 * @returns to be called when the scans have ended
 */
export async function registerStoredRows(
  connection: DuckDBConnection,
  directory: string,
): Promise<() => void> {
  const duckdb = loadDuckdb()
  const { DuckDBBlobValue, DuckDBTableFunction, DuckDBTimestampValue } = duckdb
  const fillOf: Readonly<Record<RowColumn, Fill>> = {
    offset: (vector, row, { offset }) => vector.setItem(row, BigInt(offset)),
    arrival_time: (vector, row, { receivedAt }) => {
      vector.setItem(row, new DuckDBTimestampValue(BigInt(receivedAt) * 1000n))
    },
    message_id: (vector, row, { messageId }) => vector.setItem(row, messageId),
    topic: (vector, row, { topic }) => vector.setItem(row, topic),
    sender_id: (vector, row, { senderId }) => vector.setItem(row, senderId ?? null),
    response_topic: (vector, row, { reply }) => vector.setItem(row, reply?.topic ?? null),
    correlation_data: (vector, row, { reply }) => {
      const bytes = reply?.correlation
      vector.setItem(row, bytes === undefined ? null : new DuckDBBlobValue(bytes))
    },
    payload: (vector, row, { payload }) => vector.setItem(row, new DuckDBBlobValue(payload)),
  }
  const fills = ROW_COLUMNS.map(({ name }) => fillOf[name])
  const table = DuckDBTableFunction.create({
    name: STORED_ROWS,
    parameterTypes: [duckdb.VARCHAR, duckdb.BIGINT, duckdb.BIGINT],
    supportsProjectionPushdown: true,
    bindFunction: (bind) => {
      for (const { name, type } of ROW_COLUMNS) bind.addResultColumn(name, duckdb[type])
      bind.setBindData({
        channel: String(bind.getParameter(0)),
        from: Number(bind.getParameter(1)),
        to: Number(bind.getParameter(2)),
      })
    },
    initFunction: (init) => {
      init.setMaxThreads(1)
      const used = init.getColumnIndexes()
      init.setInitData({
        stream: READER.open(directory, init.bindData as RowRange),
        fills: used.flatMap((index) => fills[index] ?? []),
      })
    },
    mainFunction: (info, output) => {
      try {
        fillChunk(info.initData as Scan, output)
      } catch (error) {
        info.setError(messageOf(error))
      }
    },
  })
  connection.registerTableFunction(table)
  return () => READER.closeFiles()
}

function fillChunk({ stream, fills }: Scan, output: DuckDBDataChunk): void {
  const messages = stream.next(CHUNK_ROWS)
  // Must be set before the columns: it says how many items they have.
  output.rowCount = messages.length
  if (messages.length === 0) return
  for (const [column, fill] of fills.entries()) {
    const vector = output.getColumnVector(column)
    for (let row = 0; row < messages.length; row++) {
      const message = messages[row]
      if (message !== undefined) fill(vector, row, message)
    }
    vector.flush()
  }
}
