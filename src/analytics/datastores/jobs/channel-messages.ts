/**
 * The messages of a channel for a pipeline: from the log, and from the channel's Parquet files where
 * the log has them no more.
 */
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { OffsetRange } from '../../../channels/log/channel-log.ts'
import type { Message } from '../../../message.ts'
import { RowReader } from '../../rows/row-stream.ts'
import { storedRows } from '../../rows/stored-range.ts'
import { parquetSource } from '../../tables/jobs/parquet-file.ts'
import { readTable } from '../../tables/table.ts'
import { channelTable, tableDirectory } from '../../tables/table-location.ts'

export interface ChannelRange extends OffsetRange {
  /** The data directory. */
  readonly directory: string
  readonly channel: string
  readonly logId: string
}

/** Of this process: a thread costs more than reading some thousand rows. */
const READER = new RowReader()
/** Few enough that large ones take not too much memory. */
const ROWS_AT_ONCE = 256
const BATCH_MESSAGES = 2_000
const BATCH_BYTES = 8_000_000

/** In order, in batches. Offsets whose messages are nowhere are left out. */
export async function* channelMessages(
  connection: DuckDBConnection,
  range: ChannelRange,
): AsyncGenerator<readonly Message[]> {
  const { directory, channel, logId, from, to } = range
  const stored = await storedRows(directory, channel, () => from)
  const inLog = stored?.logId === logId ? Math.min(Math.max(stored.first, from), to) : to
  if (from < inLog) yield* batches(archivedMessages(connection, { ...range, to: inLog }))
  if (inLog < to) yield* batches(loggedMessages(connection, { ...range, from: inLog }))
}

async function* batches(
  parts: AsyncIterable<readonly Message[]>,
): AsyncGenerator<readonly Message[]> {
  let batch: Message[] = []
  let bytes = 0
  for await (const part of parts) {
    for (const message of part) {
      batch.push(message)
      bytes += message.payload.length
      if (batch.length < BATCH_MESSAGES && bytes < BATCH_BYTES) continue
      yield batch
      batch = []
      bytes = 0
    }
  }
  if (batch.length > 0) yield batch
}

/**
 * A running connector frees the log meanwhile, and messages of it may be damaged: what it does not
 * have is in the files, if anywhere.
 */
async function* loggedMessages(connection: DuckDBConnection, range: ChannelRange) {
  const { directory, channel, from, to } = range
  const stream = READER.open(directory, { channel, from, to })
  let next = from
  try {
    for (;;) {
      const messages = stream.next(ROWS_AT_ONCE)
      for (const part of withoutHoles(messages)) {
        const [{ offset } = { offset: to }] = part
        if (next < offset) yield* archivedMessages(connection, { ...range, from: next, to: offset })
        yield part
        next = offset + part.length
      }
      if (messages.length > 0) continue
      if (next < to) yield* archivedMessages(connection, { ...range, from: next, to })
      return
    }
  } finally {
    stream.close()
    READER.closeFiles()
  }
}

/** Runs of offsets that follow each other. */
function withoutHoles(messages: readonly Message[]): readonly (readonly Message[])[] {
  const runs: Message[][] = []
  for (const message of messages) {
    const run = runs.at(-1)
    if (run?.at(-1)?.offset === message.offset - 1) run.push(message)
    else runs.push([message])
  }
  return runs
}

/** Files do not overlap, and each has its rows in order. */
async function* archivedMessages(connection: DuckDBConnection, range: ChannelRange) {
  const { directory, channel, logId, from, to } = range
  const table = channelTable(channel)
  const { files } = await readTable(directory, table)
  for (const { path, logId: id, first, end } of files) {
    if (id !== logId || end <= from || first >= to) continue
    const file = join(tableDirectory(directory, table), path)
    const result = await connection.stream(
      `SELECT "offset", epoch_ms(arrival_time) AS time, message_id, topic, sender_id,
         response_topic, correlation_data, payload
       FROM ${parquetSource([file])} WHERE "offset" >= ${from} AND "offset" < ${to}`,
    )
    for await (const rows of result.yieldRowObjectJs()) yield rows.map(messageOf)
  }
}

function messageOf(row: Readonly<Record<string, unknown>>): Message {
  const topic = row['response_topic']
  const correlation = row['correlation_data']
  return {
    offset: Number(row['offset']),
    receivedAt: Number(row['time']),
    messageId: String(row['message_id']),
    topic: String(row['topic']),
    senderId: row['sender_id'] === null ? undefined : String(row['sender_id']),
    reply: topic === null ? undefined : { topic: String(topic), correlation: bytesOf(correlation) },
    payload: bytesOf(row['payload']) ?? Buffer.alloc(0),
  }
}

function bytesOf(value: unknown): Buffer | undefined {
  if (!(value instanceof Uint8Array)) return undefined
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
