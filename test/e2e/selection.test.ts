/** Two destinations of which one gets a part of the messages. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusing } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import {
  assertLedgerAddsUp,
  destinationOf,
  startConnector,
} from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

test('a destination gets the channels and the share that it selects, and nothing else counts as lost', async (t) => {
  const archive = await FakeIotAnalytics.start(t)
  const live = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0', IotAnalyticsBatchSizePerChannel: '100' },
    destinations: [
      { name: 'archive', ...destinationOf(archive) },
      {
        name: 'live',
        ...destinationOf(live),
        channels: { include: ['press_*'] },
        sample: { every: 4 },
      },
    ],
  })

  const published: Promise<void>[] = []
  for (let n = 0; n < 200; n++) published.push(connector.publish('press_1', `p${n}`))
  for (let n = 0; n < 50; n++) published.push(connector.publish('oven', `o${n}`))
  await Promise.all(published)
  const settled = () =>
    connector.ledger().every(({ waiting, inFlight, readers }) => {
      const { live: reader } = readers
      return waiting + inFlight + (reader?.waiting ?? 0) + (reader?.inFlight ?? 0) === 0
    })
  await until('all messages are settled', settled)

  const [oven, press] = connector.ledger()
  const sent = live.received('press_1').length
  assert.equal(archive.messageCount, 250)
  assert.ok(sent > 20 && sent < 80, `${sent} of 200`)
  assert.deepEqual(live.received('oven'), [])
  assert.deepEqual(press?.readers['live']?.dropped, { NotSelected: 200 - sent })
  assert.deepEqual(oven?.readers['live']?.dropped, { NotSelected: 50 })
  assertLedgerAddsUp(connector)
  const health = await fetch(new URL('/health', connector.describe().http))
  assert.equal(JSON.parse(await health.text()).level, 'ok')
})

test('a destination gets the fields that it selects, and the log keeps the whole payload', async (t) => {
  const live = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0' },
    destinations: [{ ...destinationOf(live), fields: ['temp', 'motor.speed'] }],
  })

  await connector.publish('press', '{"temp":23.50,"noise":[1,2],"motor":{"id":7,"speed":1200}}')
  await until('it is delivered', () => connector.ledger()[0]?.delivered === 1)

  const payloads = live.received('press').map(({ payload }) => String(payload))
  const stored = await fetch(
    `${connector.describe().http}/api/v1/channels/press/messages?from=earliest`,
  )
  assert.deepEqual(payloads, ['{"temp":23.50,"motor":{"speed":1200}}'])
  assert.match(JSON.parse(await stored.text()).payload, /"noise":\[1,2\]/)
})

test('every message gets one receipt: from the first destination that selects it, or because none does', async (t) => {
  const first = await FakeIotAnalytics.start(t)
  const second = await FakeIotAnalytics.start(t)
  second.answerWhile(
    ({ messages }) => messages.some(({ messageId }) => messageId === 'bad-oven'),
    refusing(({ messageId }) =>
      messageId === 'bad-oven' ? { messageId, errorCode: 'InvalidRequestException' } : undefined,
    ),
  )
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0' },
    destinations: [
      {
        name: 'first',
        ...destinationOf(first),
        channels: { include: ['press'] },
        sample: { every: 2 },
      },
      { name: 'second', ...destinationOf(second), channels: { include: ['press', 'oven'] } },
    ],
  })
  const receipts: string[] = []
  connector.events.on('receipt', ({ id, response }) => receipts.push(`${id} ${response.status}`))

  for (const channel of ['press', 'oven', 'other']) {
    for (const id of ['good', 'bad']) {
      await connector.publish(channel, 'm', { id: `${id}-${channel}` })
    }
  }
  await until('all have receipts', () => receipts.length >= 6)

  assert.deepEqual(receipts.sort(), [
    'bad-other success',
    'bad-oven fail',
    'bad-press success',
    'good-other success',
    'good-oven success',
    'good-press success',
  ])
  await until('all are settled', () =>
    connector.ledger().every(({ waiting, inFlight }) => waiting + inFlight === 0),
  )
  assertLedgerAddsUp(connector)
})
