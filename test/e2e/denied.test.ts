/** A destination that does not let the connector in, through the whole connector. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { exception } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { runCommand } from '../support/processes/command-line.ts'
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

test('health and GET /api/v1/destinations say when the next attempt is and why the last one failed, and retry makes it now', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  api.answerWhile(() => true, exception('AccessDeniedException', { message: 'no such right' }))
  const connector = await startConnector(
    t,
    { parameters: { PublishInterval: '3' }, destinations: [destinationOf(api)] },
    { random: () => 0.999 },
  )
  const http = String(connector.describe().http)
  const jsonOf = async (path: string) =>
    JSON.parse(await (await fetch(`${http}${path}`)).text()).destinations[0]
  const denied = once(connector.events, 'batchRetried')
  for (let i = 0; i < 5; i += 1) await connector.publish('my_channel', `m${i}`)
  await denied

  const health = await jsonOf('/health')
  const listed = await jsonOf('/api/v1/destinations')
  api.recover()
  const retried = await runCommand(t, ['retry', 'my_channel', '--url', http])
  await api.until(() => api.messageCount === 5)
  const wrong = await runCommand(t, ['retry', 'nobody', '--url', http])
  const after = await jsonOf('/health')
  const again = await runCommand(t, ['retry', '--url', http])

  for (const key of ['state', 'attempts', 'error', 'error_message', 'since']) {
    assert.deepEqual(listed[key], health[key], key)
  }
  assert.equal(listed.channels[0].nextAttemptAt === null, false)
  assert.deepEqual(
    [health.state, health.attempts, health.error],
    ['retrying', 1, 'DestinationDenied'],
  )
  assert.match(health.error_message, /no such right/)
  const [channel] = health.channels
  assert.deepEqual([channel.channel, channel.waiting, channel.attempts], ['my_channel', 5, 1])
  assert.ok(Date.parse(channel.nextAttemptAt) > Date.parse(channel.since))
  assert.equal(retried.stdout, 'iotAnalytics: trying 1 channel again now\n')
  assert.deepEqual([wrong.code, wrong.stdout], [1, ''])
  assert.match(wrong.stderr, /There is no channel .*nobody/)
  assert.deepEqual([after.state, after.nextAttemptAt, after.error], ['working', null, null])
  assert.equal(again.stdout, 'No channel waits for a retry.\n')
})
