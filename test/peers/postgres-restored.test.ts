/**
 * The data directory is restored from a backup, so the log is older than what PostgreSQL has of it.
 * Meanwhile the database is away, and the connector is killed.
 */
import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { skipWithoutPostgres, startPostgres } from '../support/servers/postgres.ts'
import { Relay } from '../support/servers/relay.ts'
import { until } from '../support/until.ts'

const TOPIC = 'iotanalytics/channels/presses/messages/binary/put'

test('after a backup was restored, every message is in PostgreSQL once', {
  skip: skipWithoutPostgres,
}, async (t) => {
  const server = await startPostgres(t)
  const relay = await Relay.start(t, server.port)
  const directory = await temporaryDirectory(t)
  const data = join(directory, 'data')
  const backup = join(directory, 'backup')
  const destination = Object.entries({
    ...{ host: '127.0.0.1', port: relay.port, user: 'postgres', database: 'postgres' },
    ...{ create: true, timeout: '2s', connectTimeout: '2s' },
  }).map(([option, value]) => `destinations[0].postgres.${option}=${value}`)
  const settings = [`storage.directory=${data}`, 'destinations[0].batch.interval=20ms']
  const args = [...settings, ...destination].flatMap((setting) => ['--set', setting])
  const start = () => new ConnectorProcess(t, args).started()
  let published = 0
  const publish = async (connector: ConnectorProcess, count: number) => {
    const device = await MqttDevice.connect(t, connector.mqttUrl)
    const payloads = Array.from({ length: count }, (_, index) => `{"n":${published + index}}`)
    published += count
    await Promise.all(
      payloads.map((payload) => device.client.publishAsync(TOPIC, payload, { qos: 1 })),
    )
    device.client.end(true)
  }
  const stored = async (): Promise<number[]> =>
    await server
      .query(`select (payload->>'n')::int as n from messages order by n`)
      .then((rows) => rows.map(({ n }) => Number(n)))
      .catch(() => [])
  const allStored = () => until('all are stored', async () => (await stored()).length >= published)

  let connector = await start()
  await publish(connector, 50)
  await allStored()
  // Messages of the backup are waiting in it, and are delivered after it was made.
  relay.hang()
  await publish(connector, 10)
  await connector.crash()
  await cp(data, backup, { recursive: true, filter: (path) => !/lock\.|\.sock$/.test(path) })
  relay.resume()
  connector = await start()
  await publish(connector, 40)
  await allStored()
  await connector.crash()
  await rm(data, { recursive: true })
  await cp(backup, data, { recursive: true })

  // The restored log ends at 60, the database has 100. Before it can be asked, the log grows to 180.
  relay.hang()
  connector = await start()
  const health = async () => await (await fetch(`${connector.httpUrl}/health`)).text()
  await publish(connector, 80)
  await until('asking has failed', async () => JSON.parse(await health()).level !== 'ok')
  await publish(connector, 40)
  await connector.crash()
  connector = await start()
  relay.resume()
  await allStored()
  connector.signal('SIGTERM')
  await connector.ends()
  connector = await start()
  await publish(connector, 5)
  await allStored()

  assert.deepEqual(
    await stored(),
    Array.from({ length: published }, (_, n) => n),
  )
  const logs = await server.query(
    'select log_id, count(*)::int as count from messages group by log_id order by min(arrival_time)',
  )
  assert.deepEqual(
    logs.map(({ count }) => count),
    [100, 125],
  )
})
