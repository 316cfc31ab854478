/** `/metrics` of a whole connector. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { test } from 'node:test'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { makeCertificates, skipWithoutOpenssl } from '../support/processes/certificates.ts'
import { commandOf, skipWithout } from '../support/processes/real-peers.ts'
import { destinationOf, mqttUrlOf, startConnector } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const PREFIX = 'iot_analytics_connector_'
const AT_ONCE = { PublishInterval: '0' }

async function scrape(http: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${http}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line.startsWith(PREFIX))
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(PREFIX.length, end), Number(line.slice(end + 1))]
    }),
  )
}

test('metrics say how long acknowledgements and deliveries took, and how the parts are', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: AT_ONCE,
    destinations: [destinationOf(api)],
  })
  const http = String(connector.describe().http)
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  for (let i = 0; i < 20; i += 1) await device.putMessage('my_channel', `m${i}`)
  await until('all messages are delivered', async () => {
    const metrics = await scrape(http)
    return metrics.get('messages_delivered_total{channel="my_channel"}') === 20
  })

  const metrics = await scrape(http)
  assert.equal(metrics.get('puback_seconds_count{source="mqttServer"}'), 20)
  assert.equal(metrics.get('puback_seconds_bucket{le="+Inf",source="mqttServer"}'), 20)
  assert.equal(metrics.get('end_to_end_seconds_count{destination="iotAnalytics"}'), 20)
  assert.equal(metrics.get('destination_state{destination="iotAnalytics",state="working"}'), 1)
  assert.equal(
    metrics.get('destination_oldest_waiting_seconds{destination="iotAnalytics"}'),
    undefined,
  )
  const lastSuccess = metrics.get(
    'destination_last_success_timestamp_seconds{destination="iotAnalytics"}',
  )
  assert.ok(Math.abs(Number(lastSuccess) - Date.now() / 1000) < 60, String(lastSuccess))
  assert.equal(metrics.get('source_up{source="mqttServer"}'), 1)
  assert.equal(metrics.get('ledger_difference{channel="my_channel"}'), 0)
  assert.ok(Number(metrics.get('memory_bytes')) >= 0)
  assert.ok(Number(metrics.get('memory_max_bytes')) > 0)
})

test('promtool finds nothing wrong with the metrics', {
  skip: skipWithout('promtool'),
}, async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: AT_ONCE,
    destinations: [destinationOf(api), { ...destinationOf(api), name: 'second' }],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))
  await device.putMessage('my_channel', 'hello')
  await until('the message is delivered', () => connector.ledger()[0]?.delivered === 1)
  const text = await (await fetch(`${connector.describe().http}/metrics`)).text()

  const check = spawnSync(commandOf('promtool'), ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  })

  assert.equal(check.stderr + check.stdout, '')
  assert.equal(check.status, 0)
})

test('the end of the certificate is a metric, and follows the file when it is renewed', {
  skip: skipWithoutOpenssl,
}, async (t) => {
  const files = makeCertificates(t)
  copyFileSync(files.path('broker.crt'), files.path('server.crt'))
  copyFileSync(files.path('broker.key'), files.path('server.key'))
  const tls = { port: 0, cert: files.path('server.crt'), key: files.path('server.key') }
  const connector = await startConnector(t, { sources: { mqttServer: { port: 0, tls } } })
  const http = String(connector.describe().http)
  const endOf = async () =>
    (await scrape(http)).get('certificate_end_timestamp_seconds{part="sources.mqttServer.tls"}')
  const inTwoDays = Date.now() / 1000 + 2 * 86_400
  const first = Number(await endOf())

  renew(files, 30)
  await connector.reload()

  assert.ok(Math.abs(first - inTwoDays) < 600, String(first))
  await until('the new end is shown', async () => Number(await endOf()) > first + 20 * 86_400)
})

function renew({ path }: { path(name: string): string }, days: number): void {
  const made = spawnSync('openssl', [
    ...[
      'x509',
      '-req',
      '-days',
      String(days),
      '-in',
      path('broker.csr'),
      '-out',
      path('server.crt'),
    ],
    ...['-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-extfile', path('broker.ext')],
  ])
  assert.equal(made.status, 0, String(made.stderr))
}
