/** The example with an HTTP service, whose answers get lost and whose connector is killed. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectAsync } from 'mqtt'
import { HttpCollector } from '../support/destinations/http-collector.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', '..', 'examples', 'http.yaml')
const TOPIC = 'iotanalytics/channels/temperature/messages/binary/put'
const MESSAGES = 2_000

function argsFor(service: HttpCollector, data: string): string[] {
  const settings = [
    `destinations[0].http.url=${service.url}`,
    'destinations[0].batch.messages=50',
    'destinations[0].batch.interval=10ms',
  ]
  return ['--config', EXAMPLE, '--data', data, ...settings.flatMap((one) => ['--set', one])]
}

async function publishAll(t: TestContext, url: string): Promise<void> {
  const client = await connectAsync(url, { clientId: 'device', reconnectPeriod: 0 })
  t.after(() => client.end(true))
  const publishing = Array.from({ length: MESSAGES }, (_, n) =>
    client.publishAsync(TOPIC, `{"n":${n}}`, { qos: 1 }),
  )
  await Promise.all(publishing)
}

test('examples/http.yaml: killed while answers get lost, every message is there once', async (t) => {
  const service = await HttpCollector.start(t)
  const data = await temporaryDirectory(t)
  let connector = await new ConnectorProcess(t, argsFor(service, data)).started()
  await publishAll(t, connector.mqttUrl)

  // Batches are stored, but the connector never learns of it.
  for (let round = 0; round < 5; round++) {
    const before = service.posts.length
    service.always('lost')
    await until('a batch was stored', () => service.posts.length > before)
    await connector.crash()
    service.recover()
    const stored = service.stored.length
    connector = await new ConnectorProcess(t, argsFor(service, data)).started()
    if (stored < MESSAGES) await until('more is stored', () => service.stored.length > stored)
  }
  await until('all are stored', () => service.stored.length >= MESSAGES)
  connector.signal('SIGTERM')
  assert.equal((await connector.ends()).code, 0)

  const numbers = service.stored.map((row) => Number((row['payload'] as { n: number }).n))
  assert.deepEqual(
    numbers,
    Array.from({ length: MESSAGES }, (_, n) => n),
  )
})
