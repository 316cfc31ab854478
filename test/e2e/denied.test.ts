/** A destination that does not let the connector in, through the whole connector. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { exception } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import {
  assertLedgerAddsUp,
  destinationOf,
  mqttUrlOf,
  startConnector,
} from '../support/processes/running-connector.ts'

test('a missing permission keeps every message, health says what to check, and once it is given all are delivered with one receipt each', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const isDenied = () => true
  api.answerWhile(isDenied, exception('AccessDeniedException', { message: 'no such right' }))
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0', IotAnalyticsBatchSizePerChannel: '10' },
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  const denied = once(connector.events, 'batchRetried')
  for (let i = 0; i < 30; i += 1) await device.putMessage('my_channel', `m${i}`, `m${i}`)
  const [{ error }] = await denied
  const health = await (await fetch(`${connector.describe().http}/health`)).text()
  const [held] = connector.ledger()
  api.recover()
  const receipts = await device.receiptsUpTo(30)

  assert.equal(error.code, 'DestinationDenied')
  assert.match(health, /AccessDeniedException: no such right\. The messages are kept\. Check/)
  assert.deepEqual([held?.rejected, held?.delivered], [0, 0])
  assert.ok(receipts.every(({ response }) => response.status === 'success'))
  assert.equal(api.messageCount, 30)
  assertLedgerAddsUp(connector)
})

test('a channel that does not exist is rejected for good, as in the specification’s example', async (t) => {
  const api = await FakeIotAnalytics.start(t, { channels: ['other'] })
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0' },
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await device.putMessage('my_channel', 'm', 'm')
  const [receipt] = await device.receiptsUpTo(1)

  assert.deepEqual(receipt?.response.status, 'fail')
  assert.match(JSON.stringify(receipt), /ResourceNotFoundException/)
  assert.equal(connector.ledger()[0]?.rejected, 1)
})
