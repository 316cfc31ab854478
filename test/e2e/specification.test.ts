/** Every example, limit and rule of the connector's specification, through the whole product. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { exception, plain, refusing } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import {
  assertLedgerAddsUp,
  destinationOf,
  mqttUrlOf,
  startConnector,
} from '../support/processes/running-connector.ts'

const EXAMPLE_INPUT = `{
    "request": {
        "message" : "{\\"temp\\":23.33}"
    },
    "id" : "req123"
}`
const AT_ONCE = { PublishInterval: '0' }

test('the example input arrives at the channel as it is, and gives the example output of success', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0', IotAnalyticsBatchSizePerChannel: '5' },
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await device.put('my_channel', EXAMPLE_INPUT)

  assert.deepEqual(await device.receiptsUpTo(1), [
    { response: { status: 'success' }, id: 'req123' },
  ])
  const [message] = api.received('my_channel')
  assert.equal(message?.payload.toString(), '{"temp":23.33}')
  assert.equal(message?.messageId, 'req123')
  assert.deepEqual(api.violations, [])
})

test('a channel that does not exist gives the example output of failure', async (t) => {
  const api = await FakeIotAnalytics.start(t, { channels: ['my_channel'] })
  api.answerWhile(
    ({ channel }) => channel === 'unknown_channel',
    exception('ResourceNotFoundException', {
      message: 'A resource with the specified name could not be found.',
    }),
  )
  const connector = await startConnector(t, {
    parameters: AT_ONCE,
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await device.put('unknown_channel', EXAMPLE_INPUT)

  assert.deepEqual(await device.receiptsUpTo(1), [
    {
      response: {
        status: 'fail',
        error: 'ResourceNotFoundException',
        error_message: 'A resource with the specified name could not be found.',
      },
      id: 'req123',
    },
  ])
  assert.equal(connector.ledger()[0]?.rejected, 1)
  assertLedgerAddsUp(connector)
})

test('the id may be omitted: the connector generates one and returns it', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: AT_ONCE,
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await device.put('my_channel', '{"request":{"message":"m"}}')

  const receipts = await device.receiptsUpTo(1)
  const [message] = api.received('my_channel')
  assert.match(message?.messageId ?? '', /^[0-9a-f]{8}-0$/)
  assert.deepEqual(receipts, [{ response: { status: 'success' }, id: message?.messageId }])
})

test('messages on …/binary/put may be any bytes; their receipts carry no id', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: AT_ONCE,
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))
  const payload = Buffer.from([0, 255, 128, 10, 13, 0])

  await device.putBinary('my_channel', payload)

  assert.deepEqual(await device.receiptsUpTo(1), [{ response: { status: 'success' } }])
  assert.deepEqual(api.received('my_channel')[0]?.payload, payload)
})

test('customer-defined topics go to the default channel as binary; predefined topics win over them', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: { ...AT_ONCE, IotAnalyticsDefaultChannelName: 'my_channel' },
    inputs: ['#'],
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await device.client.publishAsync('factory/line1/temperature', '{"temp":1}', { qos: 1 })
  await device.put('other_channel', EXAMPLE_INPUT)
  await device.receiptsUpTo(2)

  assert.deepEqual(
    api.received('my_channel').map(({ payload }) => payload.toString()),
    ['{"temp":1}'],
  )
  assert.equal(api.received('other_channel').length, 1)
  assert.deepEqual(device.receipts[0], { response: { status: 'success' } })
})

test('a batch is sent when IotAnalyticsBatchSizePerChannel messages wait, however long the interval', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '3600', IotAnalyticsBatchSizePerChannel: '5' },
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await Promise.all(
    Array.from({ length: 12 }, (_, n) => device.putMessage('my_channel', `${n}`, `id${n}`)),
  )

  await device.receiptsUpTo(10)
  assert.deepEqual(
    api.batches('my_channel').map((batch) => batch.length),
    [5, 5],
  )
  assert.equal(connector.ledger()[0]?.waiting, 2)
  assertLedgerAddsUp(connector)
})

test('PublishInterval sends the waiting messages although the batch is not full', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '1', IotAnalyticsBatchSizePerChannel: '100' },
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))
  const startedAt = performance.now()

  await device.putMessage('my_channel', 'a', 'a')
  await device.putMessage('my_channel', 'b', 'b')
  await device.receiptsUpTo(2)

  assert.ok(performance.now() - startedAt > 900, 'not before the interval is over')
  assert.deepEqual(
    api.batches('my_channel').map((batch) => batch.length),
    [2],
  )
})

test('a message with an id that its batch already has is dropped, and its sender gets a receipt', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '1', IotAnalyticsBatchSizePerChannel: '100' },
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await device.putMessage('my_channel', 'first', 'same')
  await device.putMessage('my_channel', 'second', 'same')
  const receipts = await device.receiptsUpTo(2)

  assert.deepEqual(
    api.received('my_channel').map(({ payload }) => payload.toString()),
    ['first'],
  )
  assert.match(JSON.stringify(receipts), /"error":"DuplicateMessageId"/)
  assert.deepEqual(connector.ledger()[0]?.dropped, { DuplicateMessageId: 1 })
  assertLedgerAddsUp(connector)
})

for (const durability of ['memory', 'disk'] as const) {
  test(`DROP_NEWEST refuses the new message when the queue is full (${durability})`, async (t) => {
    const kept = await outageWithFullQueue(t, durability, 'DROP_NEWEST')

    assert.deepEqual(kept, ['m0', 'm1', 'm2'])
  })

  test(`DROP_OLDEST drops the oldest message that is not being sent (${durability})`, async (t) => {
    const kept = await outageWithFullQueue(t, durability, 'DROP_OLDEST')

    assert.deepEqual(kept, ['m2', 'm3', 'm4'])
  })
}

/** Five messages into a queue of three while nothing is sent; returns what arrives afterwards. */
async function outageWithFullQueue(
  t: Parameters<typeof startConnector>[0],
  durability: 'memory' | 'disk',
  behavior: 'DROP_NEWEST' | 'DROP_OLDEST',
): Promise<string[]> {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: {
      PublishInterval: '3600',
      IotAnalyticsBatchSizePerChannel: '100',
      IotAnalyticsQueueSizePerChannel: '3',
      IotAnalyticsQueueDropBehavior: behavior,
    },
    storage: { durability },
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))
  for (let n = 0; n < 5; n++) await device.putMessage('my_channel', `m${n}`, `m${n}`)

  const receipts = await device.receiptsUpTo(2)
  assert.equal(receipts.length, 2)
  for (const receipt of receipts) assert.match(JSON.stringify(receipt), /"QueueFull"/)
  assert.deepEqual(connector.ledger()[0]?.dropped, { QueueFull: 2 })
  assertLedgerAddsUp(connector)
  await connector.stop()
  return api.received('my_channel').map(({ payload }) => payload.toString())
}

test('a message for one channel more than may be active is refused; a drained channel leaves its place', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  api.answerWhile(() => true, exception('ThrottlingException'))
  const connector = await startConnector(t, {
    parameters: { ...AT_ONCE, IotAnalyticsMaxActiveChannels: '2' },
    destinations: [destinationOf(api, { maxAttempts: 1 })],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await device.putMessage('channel_1', 'm', 'a')
  await device.putMessage('channel_2', 'm', 'b')
  await device.putMessage('channel_3', 'm', 'c')
  const [refused] = await device.receiptsUpTo(1)
  api.recover()
  await device.receiptsUpTo(3)
  await device.putMessage('channel_3', 'm', 'd')
  await device.receiptsUpTo(4)

  assert.match(JSON.stringify(refused), /"ActiveChannelLimit".*"id":"c"/)
  assert.deepEqual(device.receipts[3], { response: { status: 'success' }, id: 'd' })
  assertLedgerAddsUp(connector)
})

test('retryable errors: nothing is lost in an outage, the order stays, and every sender learns of success', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  api.answerWhile(() => true, plain(503, 'unavailable'))
  const connector = await startConnector(t, {
    parameters: AT_ONCE,
    destinations: [destinationOf(api, { maxAttempts: 1 })],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))
  for (let n = 0; n < 40; n++) await device.putMessage('my_channel', `m${n}`, `m${n}`)

  for (let attempt = 0; attempt < 3; attempt++) await once(connector.events, 'batchRetried')
  // Its SUBACK comes behind every receipt that was sent before.
  await device.client.subscribeAsync('marker')
  assert.equal(device.receipts.length, 0)
  api.recover()
  const receipts = await device.receiptsUpTo(40)

  const expected = Array.from({ length: 40 }, (_, n) => `m${n}`)
  assert.deepEqual(
    api.received('my_channel').map(({ messageId }) => messageId),
    expected,
  )
  assert.deepEqual(
    receipts,
    expected.map((id) => ({ response: { status: 'success' }, id })),
  )
  assertLedgerAddsUp(connector)
})

test('after a partial failure, messages that cannot succeed are rejected and the others are sent again, in their old place', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  api.answerNext(
    refusing(({ messageId }) => {
      if (messageId === 'good') return undefined
      if (messageId === 'busy') return { messageId, errorCode: 'ThrottlingException' }
      return { messageId, errorCode: 'InvalidRequestException', errorMessage: 'no' }
    }),
  )
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '1', IotAnalyticsBatchSizePerChannel: '3' },
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await Promise.all(['busy', 'bad', 'good'].map((id) => device.putMessage('my_channel', id, id)))
  const receipts = await device.receiptsUpTo(3)

  assert.deepEqual(receipts[0], {
    response: { status: 'fail', error: 'InvalidRequestException', error_message: 'no' },
    id: 'bad',
  })
  assert.deepEqual(
    receipts.slice(1).map((receipt) => JSON.stringify(receipt)),
    ['good', 'busy'].map((id) => `{"response":{"status":"success"},"id":"${id}"}`),
  )
  assertLedgerAddsUp(connector)
})

test('without a destination the committed log is the destination', async (t) => {
  const connector = await startConnector(t, {})
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await device.put('my_channel', EXAMPLE_INPUT)

  assert.deepEqual(await device.receiptsUpTo(1), [
    { response: { status: 'success' }, id: 'req123' },
  ])
  const url = connector.describe().http
  const answer = await fetch(`${url}/api/v1/channels/my_channel/messages?from=earliest`)
  const stored = JSON.parse(await answer.text())
  assert.equal(stored.payload, '{"temp":23.33}')
  assert.equal(stored.id, 'req123')
  assertLedgerAddsUp(connector)
})
