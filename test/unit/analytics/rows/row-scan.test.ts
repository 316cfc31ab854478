/** Stored rows as a table of DuckDB, on a directory that a connector uses. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ROW_COLUMNS } from '../../../../src/analytics/rows/row-columns.ts'
import { storedMessages } from '../../../../src/analytics/rows/row-samples.ts'
import { registerStoredRows } from '../../../../src/analytics/rows/row-scan.ts'
import { StoredDirectory, storedRows } from '../../../../src/analytics/rows/stored-range.ts'
import { createConnector } from '../../../../src/index.ts'
import { temporaryDirectory } from '../../../support/disk/disk-stores.ts'

const duckdb = await import('@duckdb/node-api').catch(() => undefined)
const skip = duckdb === undefined && 'DuckDB is not installed: npm install @duckdb/node-api'

async function connectorIn(t: TestContext) {
  const directory = await temporaryDirectory(t)
  const connector = await createConnector({
    storage: { directory },
    sources: { mqttServer: { port: 0 } },
    http: false,
    log: { level: 'silent' },
  })
  await connector.start()
  t.after(() => connector.stop())
  return { directory, connector }
}

async function rowsOf(t: TestContext, directory: string, sql: string) {
  assert.ok(duckdb)
  const instance = await duckdb.DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const close = await registerStoredRows(connection, directory)
  t.after(() => {
    connection.closeSync()
    close()
  })
  return (await connection.runAndReadAll(sql)).getRowsJS()
}

test('a row has everything that is known of a message', { skip }, async (t) => {
  const { directory, connector } = await connectorIn(t)
  await connector.publish('line', '{"celsius":21.5}', { id: 'm\u0000-7' })
  await connector.publish('line', '{"celsius":22}')
  await connector.publish('line', Buffer.from([0, 255, 10]))
  const before = Date.now()

  const rows = await rowsOf(t, directory, `select * from stored_rows('line', 0, 3)`)

  const { logId } = (await storedRows(directory, 'line')) ?? {}
  assert.deepEqual((await StoredDirectory.open(directory)).channels, ['line'])
  assert.equal(rows[0]?.length, ROW_COLUMNS.length)
  const [offset, arrival, id, topic, sender, ...rest] = rows[0] ?? []
  assert.equal(offset, 0n)
  assert.ok(arrival instanceof Date && Math.abs(arrival.getTime() - before) < 60_000)
  assert.equal(topic, 'iotanalytics/channels/line/messages/put')
  assert.deepEqual([id, sender], [`${logId}-0`, 'm\u0000-7'])
  assert.deepEqual(rest, [null, null, Buffer.from('{"celsius":21.5}')])
  assert.deepEqual(rows[1]?.slice(2, 5), [`${logId}-1`, topic, ''])
  const binaryTopic = 'iotanalytics/channels/line/messages/binary/put'
  assert.deepEqual(rows[2]?.slice(2, 5), [`${logId}-2`, binaryTopic, null])
  assert.deepEqual(rows[2]?.at(-1), Buffer.from([0, 255, 10]))
})

test('a scan ends where it should, and two scans of one statement are independent', {
  skip,
}, async (t) => {
  const { directory, connector } = await connectorIn(t)
  const sent = Array.from({ length: 5_000 }, (_, index) => connector.publish('line', `${index}`))
  await Promise.all(sent)

  const rows = await rowsOf(
    t,
    directory,
    `select count(*), min(a."offset"), max(b."offset"), sum(decode(b.payload)::bigint - a."offset")
     from stored_rows('line', 100, 4900) a join stored_rows('line', 0, 9999999) b using ("offset")`,
  )

  assert.deepEqual(rows, [[4_800n, 100n, 4_899n, 0n]])
})

test('a channel that does not exist has no rows', { skip }, async (t) => {
  const { directory, connector } = await connectorIn(t)
  await connector.publish('line', '1')

  assert.equal(await storedRows(directory, 'other'), undefined)
  const rows = await rowsOf(t, directory, `select * from stored_rows('other', 0, 10)`)
  assert.deepEqual(rows, [])
})

test('messages of several places are read without DuckDB', async (t) => {
  const { directory, connector } = await connectorIn(t)
  await Promise.all(Array.from({ length: 900 }, (_, n) => connector.publish('line', `${n}`)))

  const read: string[] = []
  const places = [
    { from: 0, to: 2 },
    { from: 450, to: 453 },
    { from: 899, to: 2_000 },
  ]
  for await (const { payload } of storedMessages(directory, 'line', places)) {
    read.push(payload.toString())
  }

  assert.deepEqual(read, ['0', '1', '450', '451', '452', '899'])
})
