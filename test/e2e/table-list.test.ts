/** `GET tables` says what `describe` says, without DuckDB. */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import * as aws from '@aws-sdk/client-iotanalytics'
import { readTable } from '../../src/analytics/tables/table.ts'
import type { Connector } from '../../src/index.ts'
import { fastClock } from '../support/fast-clock.ts'
import { OperatorAnswers } from '../support/http/operator-answers.ts'
import { startConnector, temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const duckdb = await import('@duckdb/node-api').catch(() => undefined)
const skip = duckdb === undefined && 'DuckDB is not installed: npm install @duckdb/node-api'
/** The five minutes that a few rows wait are a second. */
const SPEED = 300
const message = { device: 'd1', topic: 'mine', n: 7, motor: { temp: 23.5, on: true } }

const urlOf = (connector: Connector): string => connector.describe().http ?? assert.fail('no HTTP')

async function described(connector: Connector, table: string): Promise<object[]> {
  const body = JSON.stringify({ sql: `describe ${table}` })
  const headers = { 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body }
  const response = await fetch(`${urlOf(connector)}/api/v1/query`, init)
  const lines = (await response.text()).split('\n').slice(0, -1)
  return lines.map((line) => {
    const { column_name: name, column_type: type } = JSON.parse(line)
    return { name, type }
  })
}

test('the tables have the columns that describe finds, once their files exist', {
  skip,
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const config = {
    sources: { batchPutMessage: {} },
    storage: { directory },
    http: { port: 0 },
    analytics: { tables: {}, api: {}, pipelines: { interval: '1s' } },
  }
  const connector = await startConnector(t, config, { clock: fastClock(SPEED) })
  const api = new OperatorAnswers(urlOf(connector))
  const client = new aws.IoTAnalyticsClient({
    endpoint: urlOf(connector),
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret' },
  })
  t.after(() => client.destroy())
  await connector.publish('press', JSON.stringify(message))
  const partitions = [
    { attributePartition: { attributeName: 'device' } },
    { timestampPartition: { attributeName: 'n' } },
  ]
  await connector.publish('young', JSON.stringify(message))
  await client.send(
    new aws.CreateDatastoreCommand({
      datastoreName: 'measured',
      datastorePartitions: { partitions },
    }),
  )
  await client.send(
    new aws.CreatePipelineCommand({
      pipelineName: 'clean',
      pipelineActivities: [
        { channel: { name: 'in', channelName: 'press', next: 'out' } },
        { datastore: { name: 'out', datastoreName: 'measured' } },
      ],
    }),
  )
  await connector.publish('press', JSON.stringify(message))
  await until('both tables have a file', async () => {
    const channel = await readTable(directory, 'tables/press')
    const datastore = await readTable(directory, 'datastores/measured/clean')
    return channel.files.length > 0 && datastore.files.length > 0
  })

  const { tables, next } = await api.get('tables')
  const found = new Map(tables.map((table) => [`${table.kind} ${table.name}`, table]))

  assert.deepEqual([...found.keys()], ['channel press', 'channel young', 'datastore measured'])
  assert.equal(next, null)
  assert.deepEqual(found.get('channel press')?.columns, await described(connector, 'press'))
  assert.deepEqual(found.get('datastore measured')?.columns, await described(connector, 'measured'))
  assert.equal(found.get('channel press')?.rows, 2)
  assert.equal(found.get('datastore measured')?.rows, null)
})

test('the tables come in pages, and damaged or very large lists of files leave columns unknown', async (t) => {
  const directory = await temporaryDirectory(t)
  const connector = await startConnector(t, { storage: { directory }, http: { port: 0 } })
  const api = new OperatorAnswers(urlOf(connector))
  const catalogues = {
    a_good: '{"version":1,"columns":[{"name":"temp","path":["temp"],"type":"DOUBLE"}],"files":{}}',
    b_damaged: '{"version":1,"columns":[{"name"',
    c_large: `{"version":1,"columns":[],"files":{},"more":"${'x'.repeat(1024 * 1024)}"}`,
  }
  for (const [name, text] of Object.entries(catalogues)) {
    await mkdir(join(directory, 'tables', name), { recursive: true })
    await writeFile(join(directory, 'tables', name, '_schema.json'), text)
  }
  await connector.publish('pumps', 'x')

  const first = await api.get('tables', '', '?limit=2')
  const second = await api.get('tables', '', `?limit=2&after=${first.next}`)

  assert.deepEqual(
    [...first.tables, ...second.tables].map(({ name, columns }) => [name, columns?.length ?? null]),
    [
      ['a_good', 11],
      ['b_damaged', null],
      ['c_large', null],
      ['pumps', null],
    ],
  )
  assert.equal(first.next, 'channels.b_damaged')
  assert.equal(second.next, null)
})
