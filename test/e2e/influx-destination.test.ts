/** The example with InfluxDB, while the server and the connector are killed. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectAsync } from 'mqtt'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { skipWithoutInfluxdb, startInfluxdb } from '../support/servers/influxdb.ts'
import { until } from '../support/until.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', '..', 'examples', 'influx.yaml')
const MESSAGES = 2_000
const DEVICES = 5

test('examples/influx.yaml: server and connector are killed, and every message is a point once', {
  skip: skipWithoutInfluxdb,
}, async (t) => {
  const influxdb = await startInfluxdb(t)
  await influxdb.query('CREATE DATABASE plant')
  const data = await temporaryDirectory(t)
  const settings = [
    `destinations[0].influx.url=${influxdb.url}`,
    'destinations[0].batch.messages=50',
    'destinations[0].batch.interval=10ms',
  ]
  const args = ['--config', EXAMPLE, '--data', data, ...settings.flatMap((one) => ['--set', one])]
  let connector = await new ConnectorProcess(t, args).started()
  const client = await connectAsync(connector.mqttUrl, { clientId: 'device', reconnectPeriod: 0 })
  t.after(() => client.end(true))
  const countOf = async () => {
    const [row] = await influxdb.query('SELECT count(n) FROM readings', 'plant')
    return Number(row?.['count'] ?? 0)
  }

  const publishing = Array.from({ length: MESSAGES }, (_, n) =>
    client.publishAsync(`plant/d${n % DEVICES}/data`, `{"n":${n}}`, { qos: 1 }),
  )
  await until('some are stored', async () => (await countOf()) > 0)
  await influxdb.process.kill()
  await Promise.all(publishing)
  await connector.crash()
  await influxdb.process.start()
  connector = await new ConnectorProcess(t, args).started()
  await until('all are stored', async () => (await countOf()) >= MESSAGES)
  await connector.crash()
  connector = await new ConnectorProcess(t, args).started()
  connector.signal('SIGTERM')
  assert.equal((await connector.ends()).code, 0)

  const rows = await influxdb.query('SELECT n, device FROM readings', 'plant')
  const numbers = rows.map(({ n }) => Number(n)).toSorted((a, b) => a - b)
  assert.deepEqual(
    numbers,
    Array.from({ length: MESSAGES }, (_, n) => n),
  )
  assert.ok(rows.every(({ n, device }) => device === `d${Number(n) % DEVICES}`))
})
