/**
 * Queues, batches, receipts and retries of the specification, at the limits of their parameters.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { Connector } from '../../src/index.ts'
import { plain, silence } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import {
  assertLedgerAddsUp,
  destinationOf,
  mqttUrlOf,
  startConnector,
} from '../support/processes/running-connector.ts'

const NEVER = '3600'

function lengths(api: FakeIotAnalytics, channel = 'my_channel'): number[] {
  return api.batches(channel).map((batch) => batch.length)
}

async function publishMany(connector: Connector, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, n) =>
      connector.publish('my_channel', `m${n}`, { id: `m${n}` }),
    ),
  )
}

test('250 messages with batches of 100 make two full batches, and the rest is sent after PublishInterval', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '1', IotAnalyticsBatchSizePerChannel: '100' },
    destinations: [destinationOf(api)],
  })

  await publishMany(connector, 250)
  await api.until(() => api.messageCount === 250)

  assert.deepEqual(lengths(api), [100, 100, 50])
  assert.deepEqual(
    api.received('my_channel').map(({ messageId }) => messageId),
    Array.from({ length: 250 }, (_, n) => `m${n}`),
  )
})

test('a batch is also due by its bytes, and cut by them', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: { PublishInterval: NEVER, IotAnalyticsBatchSizePerChannel: '100' },
    destinations: [destinationOf(api, { maxBatchBytes: 131_072 })],
  })

  for (let n = 0; n < 5; n++) await connector.publish('my_channel', Buffer.alloc(50_000, n))
  await api.until(() => api.messageCount === 4)

  assert.deepEqual(lengths(api), [2, 2])
  assert.equal(connector.ledger()[0]?.waiting, 1)
})

test('PublishInterval 0 sends a message at once although its batch is not full', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(
    t,
    {
      parameters: { PublishInterval: '0', IotAnalyticsBatchSizePerChannel: '100' },
      destinations: [destinationOf(api)],
    },
    { clock: new ManualClock(Date.now()) }, // no time passes
  )

  await connector.publish('my_channel', 'm')
  await api.until(() => api.messageCount === 1)

  assert.deepEqual(lengths(api), [1])
})

test('in memory 2048 messages wait per channel, unless a number is given', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: { PublishInterval: NEVER, IotAnalyticsBatchSizePerChannel: '100' },
    storage: { durability: 'memory' },
    destinations: [destinationOf(api)],
  })
  api.answerWhile(() => true, silence())

  await publishMany(connector, 2048)
  await assert.rejects(connector.publish('my_channel', 'one too many'), { code: 'QueueFull' })

  assertLedgerAddsUp(connector)
})

for (const [behavior, kept] of [
  ['DROP_NEWEST', 'first'],
  ['DROP_OLDEST', 'last'],
] as const) {
  test(`MemorySize bounds what messages hold in memory; ${behavior} keeps the ${kept}`, async (t) => {
    const api = await FakeIotAnalytics.start(t)
    const connector = await startConnector(t, {
      parameters: {
        MemorySize: '100',
        PublishInterval: NEVER,
        IotAnalyticsBatchSizePerChannel: '100',
        IotAnalyticsQueueDropBehavior: behavior,
      },
      storage: { durability: 'memory' },
      destinations: [destinationOf(api)],
    })
    const refusals: string[] = []
    connector.events.on('dropped', ({ code }) => refusals.push(code))

    for (let n = 0; n < 15; n++) {
      await connector.publish('my_channel', Buffer.alloc(10_000, n)).catch(() => {})
    }
    const waiting = connector.ledger()[0]?.waiting ?? 0
    await connector.stop()

    assert.ok(waiting >= 8 && waiting <= 10, `${waiting} of 10,000 bytes in 100 KB`)
    assert.deepEqual(refusals, Array(15 - waiting).fill('MemoryFull'))
    const first = kept === 'first' ? 0 : 15 - waiting
    assert.deepEqual(
      api.received('my_channel').map(({ payload }) => payload[0]),
      Array.from({ length: waiting }, (_, n) => first + n),
    )
  })
}

test('in an outage of half an hour a probe of one message goes out every few seconds, and within seconds of its end everything arrives in order', async (t) => {
  const api = await FakeIotAnalytics.start(t, { identity: null })
  api.answerWhile(() => true, plain(503, 'unavailable'))
  const clock = new ManualClock()
  const connector = await startConnector(
    t,
    {
      parameters: { PublishInterval: '1', IotAnalyticsBatchSizePerChannel: '10' },
      destinations: [destinationOf(api, { maxAttempts: 1, credentials: { anonymous: true } })],
    },
    { clock, random: () => 0.999 },
  )
  const delays: number[] = []
  const expected = Array.from({ length: 40 }, (_, n) => `m${n}`)

  const firstRetry = retried(connector)
  await publishMany(connector, 40)
  delays.push(await firstRetry)
  for (let elapsedMs = 0; elapsedMs < 30 * 60_000; elapsedMs += 5_000) {
    const retry = retried(connector)
    clock.advance(5_000)
    delays.push(await retry)
  }
  assert.equal(api.messageCount, 0)
  assert.equal(connector.ledger()[0]?.waiting, 40)
  assert.ok(Math.max(...delays) > 4 * 60_000, 'the channel’s own retries come further apart')
  api.recover()
  clock.advance(5_000)
  await api.until(() => api.messageCount === 40)

  assert.deepEqual(
    api.received('my_channel').map(({ messageId }) => messageId),
    expected,
  )
  assertLedgerAddsUp(connector)
})

async function retried(connector: Connector): Promise<number> {
  const [{ delayMs }] = await once(connector.events, 'batchRetried')
  return delayMs
}

test('neither an outage that spans a restart nor a connector without its endpoint loses a message', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const config = { parameters: { PublishInterval: '0' }, destinations: [destinationOf(api)] }
  await api.stop()
  const first = await startConnector(t, config)
  await publishMany(first, 10)
  const report = await first.stop({ deadlineMs: 5_000 })

  const second = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    ...config,
    destinations: [destinationOf(second)],
    storage: { directory: first.config.storage.directory },
  })
  await second.until(() => second.messageCount === 10)

  assert.deepEqual(report, { delivered: 0, kept: 10, lost: 0 })
  assert.deepEqual(
    second.received('my_channel').map(({ messageId }) => messageId),
    Array.from({ length: 10 }, (_, n) => `m${n}`),
  )
  assert.equal(connector.ledger()[0]?.received, 10)
})

test('with two destinations, neither the first nor the receipts wait for the second while it hangs', async (t) => {
  const [api, hanging] = [await FakeIotAnalytics.start(t), await FakeIotAnalytics.start(t)]
  hanging.answerWhile(() => true, silence())
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0' },
    destinations: [destinationOf(api), { name: 'second', ...destinationOf(hanging) }],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  for (let n = 0; n < 20; n++) await device.putMessage('my_channel', `m${n}`, `m${n}`)
  const receipts = await device.receiptsUpTo(20)

  assert.ok(receipts.every(({ response }) => response.status === 'success'))
  assert.equal(api.messageCount, 20)
  assert.equal(hanging.messageCount, 0)
  const [row] = connector.ledger()
  assert.equal(row?.delivered, 20)
  const behind = row?.readers['second']
  assert.equal((behind?.waiting ?? 0) + (behind?.inFlight ?? 0), 20)
  assertLedgerAddsUp(connector)
})

for (const [reports, expected] of [
  ['all', ['success', 'fail']],
  ['failures', ['fail']],
  ['none', []],
] as const) {
  test(`StatusReports ${reports}`, async (t) => {
    const connector = await startConnector(t, { parameters: { StatusReports: reports } })
    const device = await MqttDevice.connect(t, mqttUrlOf(connector))

    await device.putMessage('my_channel', 'm', 'good')
    await device.put('my_channel', 'no envelope')
    // Receipts come in order: a message published last is received after them.
    await device.client.subscribeAsync('done')
    const done = new Promise((resolve) => device.client.once('message', resolve))
    await device.receiptsUpTo(expected.length)
    if (expected.length === 0) {
      await device.client.publishAsync('done', '', { qos: 1 })
      await done
    }

    assert.deepEqual(
      device.receipts.map(({ response }) => response.status),
      expected,
    )
  })
}

test('BinaryPayloadEncoding base64 stores base64 text, which goes on as any payload does', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0', BinaryPayloadEncoding: 'base64' },
    destinations: [destinationOf(api)],
  })
  const raw = Buffer.from([0, 255, 128])

  await connector.publish('my_channel', raw)
  await connector.publish('formatted', 'text')
  await api.until(() => api.messageCount === 2)

  assert.equal(api.received('my_channel')[0]?.payload.toString(), raw.toString('base64'))
  assert.equal(api.received('formatted')[0]?.payload.toString(), 'text')
})

for (const where of ['with a destination', 'without a destination']) {
  test(`MQTT 5: a sender that names a response topic gets its receipt there, with its correlation data (${where})`, async (t) => {
    const api = await FakeIotAnalytics.start(t)
    const connector = await startConnector(t, {
      parameters: { PublishInterval: '0' },
      destinations: where === 'with a destination' ? [destinationOf(api)] : [],
    })
    const { client } = await MqttDevice.connect(t, mqttUrlOf(connector), { protocolVersion: 5 })
    const properties = { responseTopic: 'mine/answers', correlationData: Buffer.from([1, 2, 3]) }
    await client.subscribeAsync('mine/answers')

    const good = answers(client)
    const topic = 'iotanalytics/channels/my_channel/messages/binary/put'
    await client.publishAsync(topic, 'anything', { qos: 1, properties })
    const bad = 'iotanalytics/channels/my_channel/messages/put'
    await client.publishAsync(bad, 'no JSON', { qos: 1, properties }).catch(() => {})
    const [first, second] = await good(2)

    assert.deepEqual(
      [first, second].map((answer) => answer?.correlation),
      [properties.correlationData, properties.correlationData],
    )
    const texts = [first?.text, second?.text].sort()
    assert.match(texts[0] ?? '', /^\{"response":\{"status":"fail","error":"InvalidMessage"/)
    assert.equal(texts[1], '{"response":{"status":"success"}}')
  })
}

interface Answer {
  readonly text: string
  readonly correlation: Buffer | undefined
}

/** Collects messages on the response topic; the returned function waits for a number of them. */
function answers(client: MqttDevice['client']) {
  const got: Answer[] = []
  let onAnswer = () => {}
  client.on('message', (topic, payload, packet) => {
    if (topic !== 'mine/answers') return
    got.push({ text: payload.toString(), correlation: packet.properties?.correlationData })
    onAnswer()
  })
  return (count: number) =>
    new Promise<readonly Answer[]>((resolve) => {
      onAnswer = () => {
        if (got.length >= count) resolve(got)
      }
      onAnswer()
    })
}
