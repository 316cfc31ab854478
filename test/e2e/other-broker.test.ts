/**
 * Devices publish to mosquitto and the connector subscribes there. Messages go to disk and to the
 * endpoint, and receipts go back. Meanwhile the broker is restarted and the connector is killed.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectAsync, type MqttClient } from 'mqtt'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { type Mosquitto, startMosquitto } from '../support/mqtt/mosquitto.ts'
import { STATUS_TOPIC } from '../support/mqtt/mqtt-device.ts'
import { ConnectorProcess, sendingTo } from '../support/processes/connector-process.ts'
import { skipWithout } from '../support/processes/real-peers.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', '..', 'examples', 'other-broker.yaml')
const skip = skipWithout('mosquitto')
/** With these lines sessions and their waiting messages survive the broker's restart. */
const KEEPING = {
  config: [
    'allow_anonymous true',
    'persistence true',
    'persistence_location {dir}/',
    'max_queued_messages 0',
  ],
}

/** A device that resends what the broker has not acknowledged, as devices do. */
async function deviceOn(t: TestContext, broker: Mosquitto): Promise<MqttClient> {
  const client = await connectAsync(broker.url, {
    clientId: 'device',
    clean: false,
    reconnectPeriod: 100,
  })
  client.on('error', () => {})
  t.after(() => client.end(true))
  return client
}

test('examples/other-broker.yaml: from mosquitto to disk to the endpoint, receipts published back', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t)
  const api = await FakeIotAnalytics.start(t)
  const data = await temporaryDirectory(t)
  const connector = await new ConnectorProcess(
    t,
    [
      ...['--config', EXAMPLE, '--data', data, ...sendingTo(api, 'us-west-2')],
      ...['--set', `sources.mqttClient.url=${broker.url}`],
    ],
    { withMqttServer: false },
  ).started()
  const client = await deviceOn(t, broker)
  const receipts: string[] = []
  client.on('message', (_topic, payload) => receipts.push(payload.toString()))
  await client.subscribeAsync(STATUS_TOPIC, { qos: 1 })

  // Until the connector has subscribed, the broker keeps no published message.
  let before = 0
  await until('the connector has subscribed', async () => {
    await client.publishAsync('machines/m1/telemetry', `before ${before++}`, { qos: 1 })
    return api.received('machines').length > 0
  })
  const put = 'iotanalytics/channels/my_channel/messages/put'
  await client.publishAsync(put, '{"request":{"message":"m"},"id":"req123"}', { qos: 1 })
  await client.publishAsync(put, 'no envelope', { qos: 1 })
  await client.publishAsync('machines/m1/other', 'not an input', { qos: 1 })
  await api.until(() => api.received('my_channel').length === 1)
  const isReceipt = (receipt: string) => receipt.includes('req123')
  await until('its receipt came', () => receipts.some(isReceipt))

  assert.ok(receipts.includes('{"response":{"status":"success"},"id":"req123"}'))
  assert.ok(receipts.some((receipt) => receipt.includes('"InvalidMessage"')))
  assert.ok(api.received('machines').every(({ payload }) => /^before/.test(payload.toString())))
  assert.deepEqual(api.violations, [])
  connector.signal('SIGTERM')
  assert.equal((await connector.ends()).code, 0)
})

test('nothing is lost while mosquitto is restarted and the connector is killed', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t, KEEPING)
  const api = await FakeIotAnalytics.start(t)
  const data = await temporaryDirectory(t)
  const args = [
    ...['--data', data, ...sendingTo(api, 'us-west-2'), '--set', 'parameters.PublishInterval=0'],
    ...['--set', 'parameters.IotAnalyticsBatchSizePerChannel=100'],
    ...['--set', `sources={mqttClient: {url: "${broker.url}", clientId: connector}}`],
  ]
  let connector = new ConnectorProcess(t, args, { withMqttServer: false })
  const client = await deviceOn(t, broker)
  const acknowledged = new Set<string>()
  let next = 0
  const publish = async () => {
    const id = `m${next++}`
    const envelope = JSON.stringify({ request: { message: id }, id })
    const topic = 'iotanalytics/channels/my_channel/messages/put'
    await client.publishAsync(topic, envelope, { qos: 1 })
    acknowledged.add(id)
  }
  await until('the connector has subscribed', async () => {
    await publish()
    return api.messageCount > 0
  })
  const firstKept = Number(api.received('my_channel')[0]?.messageId.slice(1))
  const moreAcknowledged = () => {
    const enough = acknowledged.size + 50
    return until('the broker acknowledged 50 more', () => acknowledged.size >= enough)
  }
  const moreArrived = () => {
    const enough = api.messageCount + 50
    return until('50 more arrived', () => api.messageCount >= enough)
  }

  let isPublishing = true
  const publishing = (async () => {
    while (isPublishing) await publish()
  })()
  await moreArrived()
  await connector.crash()
  await moreAcknowledged()
  connector = new ConnectorProcess(t, args, { withMqttServer: false })
  await connector.started()
  await moreArrived()
  await broker.stop()
  await broker.start()
  await moreArrived()
  await connector.crash()
  await broker.stop()
  await broker.start()
  connector = new ConnectorProcess(t, args, { withMqttServer: false })
  await moreArrived()
  isPublishing = false
  await publishing
  const expected = [...acknowledged].filter((id) => Number(id.slice(1)) >= firstKept)
  const arrived = () => new Set(api.received('my_channel').map(({ messageId }) => messageId))
  const missing = () => {
    const ids = arrived()
    return expected.filter((id) => !ids.has(id))
  }
  await until('all have arrived', () => missing().length === 0).catch(() => undefined)

  assert.deepEqual(missing(), [])
  t.diagnostic(`acknowledged ${acknowledged.size}, sent ${api.messageCount}`)
})
