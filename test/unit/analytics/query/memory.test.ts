/** The memory that queries have by default, on messages that are many times larger. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { textLiteral } from '../../../../src/analytics/duckdb/sql-text.ts'
import { queryOptions } from '../../../../src/analytics/query/options.ts'
import { openQueries, type Queries } from '../../../../src/analytics/query/queries.ts'
import {
  openedInstance,
  temporaryDirectory,
  WITHOUT_DUCKDB,
} from '../../../support/analytics/opened-instance.ts'

const MESSAGES = 400_000

/** Some 200 bytes each, which nothing compresses. */
const PAYLOAD = Array.from({ length: 6 }, (_, n) => `md5((i * 7 + ${n})::varchar)`).join(' || ')
const ROWS = `select i as "offset", timestamp '2026-01-01' as arrival_time, 'm-' || i as message_id,
  't' as topic, null::varchar as sender_id, null::varchar as response_topic,
  null::blob as correlation_data, encode(${PAYLOAD}) as payload, null::varchar as drift
  from range(${MESSAGES}) numbers(i)`

async function ask(queries: Queries, sql: string): Promise<string> {
  const parts: Buffer[] = []
  const onPart = (part: Buffer) => void parts.push(Buffer.from(part))
  await queries.run({ sql, format: 'csv' }, { signal: new AbortController().signal, onPart })
  return Buffer.concat(parts).toString()
}

test('two queries at a time may sort payloads that do not fit into their memory', {
  skip: WITHOUT_DUCKDB,
}, async (t) => {
  const directory = temporaryDirectory(t)
  const day = join(directory, 'tables', 'plant', '__dt=2026-01-01')
  const [first, end] = [0, MESSAGES].map((offset) => String(offset).padStart(16, '0'))
  const file = join(day, `00c0ffee-${first}-${end}.parquet`)
  mkdirSync(day, { recursive: true })
  const { connection } = await openedInstance(t)
  await connection.run(
    `copy (${ROWS}) to ${textLiteral(file)} (format parquet, compression zstd, row_group_size 51200)`,
  )
  const queries = openQueries(directory, queryOptions.parse({}))
  t.after(() => queries.close())

  const [sorted, different] = await Promise.all([
    ask(queries, 'select count(message_id) as n from (from plant order by payload offset 1)'),
    ask(queries, 'select count(distinct payload) as n from plant'),
  ])

  assert.deepEqual([sorted, different], [`n\r\n${MESSAGES - 1}\r\n`, `n\r\n${MESSAGES}\r\n`])
})
