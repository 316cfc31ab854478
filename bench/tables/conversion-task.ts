/**
 * One way to make Parquet of a channel, in a process of its own. Prints its CPU seconds, the bytes of
 * the file and the peak of its memory as JSON.
 *
 *     node conversion-task.js converter|ndjson DIRECTORY CHANNEL
 */
import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { quotedName, textLiteral } from '../../src/analytics/duckdb/sql-text.ts'
import { storedRows } from '../../src/analytics/rows/stored-range.ts'
import { readCatalogue } from '../../src/analytics/tables/catalogue.ts'
import type { FieldColumn } from '../../src/analytics/tables/columns.ts'
import { run as convert } from '../../src/analytics/tables/jobs/convert-job.ts'
import { withSession } from '../../src/analytics/tables/jobs/session.ts'
import { channelTable, tableDirectory } from '../../src/analytics/tables/table-location.ts'
import { exportMessages } from '../../src/channels/disk/doctor/export-messages.ts'

const LINES_AT_A_TIME = 500
const [way = '', directory = '', channel = ''] = process.argv.slice(2)
const { signal } = new AbortController()

const bytes = way === 'converter' ? await byConverter() : await byNdjson()
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6
process.stdout.write(`${JSON.stringify({ cpuSeconds, bytes, maxRssBytes: maxRSS * 1024 })}\n`)

async function byConverter(): Promise<number> {
  const stored = await storedRows(directory, channel)
  if (stored === undefined) throw new Error(`there is no channel ${channel} in ${directory}`)
  await rm(tableDirectory(directory, channelTable(channel)), { recursive: true, force: true })
  const { logId, end } = stored
  const job = { signal, emit: async () => {} }
  let bytes = 0
  for (let from = 0; from < end; ) {
    const request = { directory, channel, connectorId: 'bench', logId, from, to: end }
    const result = await convert(request, job)
    bytes += result.bytes
    from = result.to
  }
  return bytes
}

/** What somebody would write who has messages in Node and DuckDB; with the columns known before. */
async function byNdjson(): Promise<number> {
  const catalogue = await readCatalogue(directory, channelTable(channel))
  if (catalogue === undefined || catalogue === 'damaged') throw new Error('run converter first')
  const lines = join(directory, 'rows.ndjson')
  const parquet = join(directory, 'rows.parquet')
  await pipeline(Readable.from(ndjson()), createWriteStream(lines))
  await withSession(signal, async (connection) => {
    await connection.run(`COPY (SELECT "offset", epoch_ms(arrival_time) AS arrival_time, message_id,
        topic, encode(payload) AS payload, unnest(fields)
      FROM read_json(${textLiteral(lines)}, format = 'newline_delimited', ignore_errors = true,
        columns = {"offset": 'BIGINT', arrival_time: 'BIGINT', message_id: 'VARCHAR',
          topic: 'VARCHAR', payload: 'VARCHAR', fields: ${textLiteral(structOf(catalogue.columns))}}))
      TO ${textLiteral(parquet)} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2,
        ROW_GROUP_SIZE 50000)`)
  })
  const { size } = await stat(parquet)
  await rm(lines)
  await rm(parquet)
  return size
}

async function* ndjson(): AsyncGenerator<string> {
  let lines: string[] = []
  for await (const message of exportMessages(directory, { channel })) {
    const { offset, receivedAt, messageId, topic } = message
    const payload = message.payload.toString()
    const row = { offset, arrival_time: receivedAt, message_id: messageId, topic, payload }
    const fields = payload.startsWith('{') ? payload : 'null'
    lines.push(`${JSON.stringify(row).slice(0, -1)},"fields":${fields}}\n`)
    if (lines.length < LINES_AT_A_TIME) continue
    yield lines.join('')
    lines = []
  }
  yield lines.join('')
}

function structOf(columns: readonly FieldColumn[]): string {
  const outer = new Map<string, string[]>()
  for (const { path, type } of columns) {
    const [key = '', inner] = path
    const members = outer.get(key) ?? []
    members.push(inner === undefined ? type : `${quotedName(inner)} ${type}`)
    outer.set(key, members)
  }
  const fields = [...outer].map(([key, members]) => {
    const isObject = columns.some(({ path }) => path[0] === key && path.length > 1)
    return `${quotedName(key)} ${isObject ? `STRUCT(${members.join(', ')})` : members.join('')}`
  })
  return `STRUCT(${fields.join(', ')})`
}
