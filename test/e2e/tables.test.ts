/** Messages become Parquet files while a whole connector runs. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parquetSource } from '../../src/analytics/tables/jobs/parquet-file.ts'
import { readTable, type Table } from '../../src/analytics/tables/table.ts'
import { tableDirectory } from '../../src/analytics/tables/table-location.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import type { Connector } from '../../src/index.ts'
import { duckdb, rowsOf } from '../support/analytics/duckdb.ts'
import { fastClock } from '../support/fast-clock.ts'
import { startConnector, temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

/** The five minutes that a few rows wait are a second. */
const SPEED = 300

function started(t: TestContext, directory: string, tables: object = {}): Promise<Connector> {
  const config = { storage: { directory }, analytics: { tables } }
  return startConnector(t, config, { clock: fastClock(SPEED) })
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at)
}

function rowsIn({ files, catalogue }: Table): number {
  return files.reduce((sum, { path }) => sum + (catalogue.files.get(path)?.rows ?? 0), 0)
}

async function metricsOf(connector: Connector): Promise<string> {
  return (await fetch(`${connector.describe().http}/metrics`)).text()
}

test('messages become Parquet files, also over a restart, and metrics say how many', async (t) => {
  const directory = await temporaryDirectory(t)
  const first = await started(t, directory)
  await Promise.all(
    range(0, 50).map((n) => first.publish('plant', JSON.stringify({ n, name: `d${n}` }))),
  )
  await until('the rows are in a file', async () => {
    return rowsIn(await readTable(directory, 'tables/plant')) === 50
  })
  // The files are listed with the next check.
  await until('metrics name the file', async () => {
    return /table_files\{channel="plant"\} 1\n/.test(await metricsOf(first))
  })
  const metrics = await metricsOf(first)
  await first.stop()

  const second = await started(t, directory)
  await Promise.all(
    range(50, 60).map((n) => second.publish('plant', JSON.stringify({ n, late: true }))),
  )
  await until('the later rows are in a file', async () => {
    return rowsIn(await readTable(directory, 'tables/plant')) === 60
  })
  await second.stop()

  assert.match(metrics, /table_rows_total\{channel="plant"\} 50\n/)
  assert.match(metrics, /table_waiting_rows\{channel="plant"\} 0\n/)
  const { files, catalogue } = await readTable(directory, 'tables/plant')
  assert.deepEqual(
    catalogue.columns.map(({ name, type }) => [name, type]),
    [
      ['n', 'BIGINT'],
      ['name', 'VARCHAR'],
      ['late', 'BOOLEAN'],
    ],
  )
  const paths = files.map(({ path }) => join(tableDirectory(directory, 'tables/plant'), path))
  const source = parquetSource(paths).replace(')', ', union_by_name = true)')
  const rows = await rowsOf(
    await duckdb(t),
    `SELECT count(*) AS rows, sum(n) AS sum, count(late) AS late FROM ${source}`,
  )
  assert.deepEqual(rows, [{ rows: 60n, sum: 1770n, late: 10n }])
})

test('only the channels that are named get files', async (t) => {
  const directory = await temporaryDirectory(t)
  const connector = await started(t, directory, { channels: ['plant_*'] })
  for (const channel of ['other', 'plant_1']) await connector.publish(channel, '{"n":1}')

  await until('one has a file', async () => {
    return (await readTable(directory, 'tables/plant_1')).files.length === 1
  })

  assert.deepEqual(await readdir(join(directory, 'tables')), ['plant_1'])
})

test('tables need messages on disk', () => {
  const input = { storage: { durability: 'memory' as const }, analytics: { tables: {} } }

  assert.throws(() => parseConfig(input), /analytics\.tables.*storage\.durability is memory/)
})
