/** Outages of destinations and of storage, through the whole connector. */
import assert from 'node:assert/strict'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { exception } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import {
  assertLedgerAddsUp,
  destinationOf,
  mqttUrlOf,
  startConnector,
  temporaryDirectory,
} from '../support/processes/running-connector.ts'
import { ShiftedClock } from '../support/shifted-clock.ts'
import { until } from '../support/until.ts'

const AT_ONCE = { PublishInterval: '0' }
const NOBODY = { iotAnalytics: { endpoint: 'http://127.0.0.1:1', region: 'us-west-2' } }

async function jsonOf(url: string) {
  return JSON.parse(await (await fetch(url)).text())
}

test('ledger, health and metrics say how long an outage may last', async (t) => {
  const clock = new ShiftedClock()
  const connector = await startConnector(
    t,
    {
      parameters: { IotAnalyticsQueueSizePerChannel: '1000' },
      destinations: [NOBODY],
    },
    { clock },
  )
  const http = String(connector.describe().http)
  for (let i = 0; i < 10; i += 1) await connector.publish('my_channel', `m${i}`)
  clock.shift(1_100) // the forecast needs at least a second

  const ledger = await jsonOf(`${http}/ledger`)
  const health = await jsonOf(`${http}/health`)
  const metrics = await (await fetch(`${http}/metrics`)).text()
  const table = await (await fetch(`${http}/ledger?format=text`)).text()

  const [channel] = ledger.channels
  assert.equal(channel.outageBound, 'IotAnalyticsQueueSizePerChannel')
  assert.ok(channel.outageLeftSeconds > 60 && channel.outageLeftSeconds < 3_600)
  assert.match(
    health.outage,
    /an outage of the destinations can last \d+ (s|min) before channel my_channel/,
  )
  assert.match(metrics, /outage_left_seconds\{channel="my_channel"\} \d/)
  assert.match(metrics, /storage_state\{state="ok"\} 1/)
  assert.match(metrics, /write_amplification \d/)
  assert.match(table, /^my_channel .* \d+ (s|min)$/m)
  assert.match(table, /^storage: ok, /m)
})

test('a destination that does not answer delays neither the other one nor its receipts', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: AT_ONCE,
    destinations: [
      { name: 'primary', ...destinationOf(api) },
      { ...NOBODY, name: 'archive' },
    ],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  for (let i = 0; i < 20; i += 1) await device.putMessage('my_channel', `m${i}`, `m${i}`)
  const receipts = await device.receiptsUpTo(20)

  assert.ok(receipts.every(({ response }) => response.status === 'success'))
  const [ledger] = connector.ledger()
  assert.equal(ledger?.delivered, 20)
  const archive = ledger?.readers['archive']
  assert.equal((archive?.waiting ?? 0) + (archive?.inFlight ?? 0), 20)
  assertLedgerAddsUp(connector)
})

test('live-first: after an outage new messages arrive before the backlog', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  let isAway = true
  api.answerWhile(() => isAway, exception('ThrottlingException'))
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0', IotAnalyticsBatchSizePerChannel: '1' },
    destinations: [
      {
        ...destinationOf(api, { maxAttempts: 1 }),
        catchUp: { order: 'live-first', maxMessagesPerSecond: 5 },
      },
    ],
  })
  for (let i = 0; i < 20; i += 1) await connector.publish('my_channel', `b${i}`, { id: `b${i}` })
  isAway = false
  await api.until(() => api.received('my_channel').length >= 3)

  await connector.publish('my_channel', 'live', { id: 'live' })
  await api.until(() => api.received('my_channel').length === 21)

  const order = api.received('my_channel').map(({ messageId }) => messageId)
  assert.ok(order.indexOf('live') < 20, `live was number ${order.indexOf('live')}`)
  assert.deepEqual(
    order.filter((id) => id !== 'live'),
    Array.from({ length: 20 }, (_, i) => `b${i}`),
  )
})

test('a new destination with from: earliest gets the stored history', async (t) => {
  const directory = await temporaryDirectory(t)
  const api = await FakeIotAnalytics.start(t)
  const before = await startConnector(t, { storage: { directory } })
  for (let i = 0; i < 5; i += 1) await before.publish('my_channel', `m${i}`)
  await before.stop()

  await startConnector(t, {
    parameters: AT_ONCE,
    storage: { directory },
    destinations: [{ ...destinationOf(api), from: 'earliest' }],
  })

  await api.until(() => api.received('my_channel').length === 5)
})

test('a message sent again within the window is stored once; an old one expires', async (t) => {
  const connector = await startConnector(t, {
    parameters: AT_ONCE,
    destinations: [NOBODY],
    channels: {
      '*': { deduplication: { window: '1h' } },
      short: { maxAge: '1s' },
    },
  })

  await connector.publish('my_channel', 'once', { id: 'same' })
  await assert.rejects(connector.publish('my_channel', 'once', { id: 'same' }), {
    code: 'DuplicateMessageId',
  })
  await connector.publish('short', 'soon over')
  const expired = () => connector.ledger().find(({ channel }) => channel === 'short')?.expired
  await until('it has expired', () => expired() === 1)

  assertLedgerAddsUp(connector)
})

const isRoot = process.getuid?.() === 0

test('health names a storage failure and what to do, and storage becomes ready again without a restart', {
  skip: isRoot && 'root may write anywhere',
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const connector = await startConnector(t, { storage: { directory } })
  const http = String(connector.describe().http)
  const channels = join(directory, 'channels')

  await chmod(channels, 0o500)
  await assert.rejects(connector.publish('my_channel', 'm1'), { code: 'StorageFailed' })
  const ill = await jsonOf(`${http}/health`)
  await chmod(channels, 0o700)
  await until('storage is ready', async () => {
    await connector.publish('my_channel', 'm2').catch(() => {})
    return (await jsonOf(`${http}/health`)).ready
  })

  assert.deepEqual([ill.ready, ill.storage], [false, 'no-access'])
  assert.match(ill.problems[0], /make its user the owner/)
})
