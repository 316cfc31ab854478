/** The operator's API of a running connector, held against its schemas. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exception } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { OperatorAnswers } from '../support/http/operator-answers.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { destinationOf, mqttUrlOf, startConnector } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const TOKEN = 'a-token-for-tests-0123456789'

test('every answer has the shape of its schema while messages come, one destination is away and another rejects', async (t) => {
  const away = await FakeIotAnalytics.start(t)
  away.answerWhile(() => true, exception('AccessDeniedException', { message: 'no such right' }))
  const strict = await FakeIotAnalytics.start(t, { channels: ['pumps'] })
  const connector = await startConnector(t, {
    http: { port: 0, token: TOKEN },
    parameters: { PublishInterval: '0', IotAnalyticsBatchSizePerChannel: '10' },
    destinations: [
      { name: 'strict', ...destinationOf(strict) },
      { name: 'away', ...destinationOf(away) },
    ],
  })
  const api = new OperatorAnswers(String(connector.describe().http), TOKEN)
  const device = await MqttDevice.connect(t, mqttUrlOf(connector), {
    clientId: 'press-7',
    username: 'ann',
    protocolVersion: 5,
  })

  for (let i = 0; i < 30; i += 1)
    await device.put('pumps', JSON.stringify({ request: { message: `{"temp":${i}}` } }))
  for (let i = 0; i < 3; i += 1) await device.putMessage('valves', `v${i}`, `v${i}`)
  await device.put('pumps', 'no envelope').catch(() => {})
  await until(
    'a dead letter for each rejected message',
    async () => (await api.get('overview')).deadLetters === 4,
  )

  const overview = await api.get('overview')
  const channels = await api.get('channels')
  const channel = await api.get('channel', 'valves')
  const destinations = await api.get('destinations')
  const ledger = await api.get('ledger')
  const clients = await api.get('clients')
  await api.get('history')
  await api.get('config')
  await api.get('messages', 'pumps')
  await api.get('deadLetters')
  const fields = await api.get('fields', 'pumps')
  const story = await api.get('story', 'v1')
  const tables = await api.get('tables')
  const retried = await api.post('retry', 'away', {})

  assert.equal(overview.received, 34)
  assert.equal(overview.channelCount, 2)
  assert.equal(overview.sources[0]?.clients, 1)
  assert.equal(overview.verdict.level, 'warning')
  assert.equal(overview.destinations[1]?.state, 'retrying')
  assert.equal(overview.destinations[1]?.waiting, 33)
  assert.ok(overview.rates.in > 0, 'a rate is there at once')
  assert.deepEqual(
    channels.channels.map(({ name, lost }) => [name, lost]),
    [
      ['pumps', 1],
      ['valves', 3],
    ],
  )
  assert.deepEqual(channel.losses, { rejected: 3 })
  assert.equal(channel.endOffset, 3)
  assert.equal(destinations.destinations[1]?.channelCount, 2)
  assert.match(String(destinations.destinations[1]?.error_message), /no such right/)
  assert.deepEqual(
    [ledger.total.received, ledger.total.delivered, ledger.total.rejected, ledger.total.difference],
    [34, 30, 3, 0],
  )
  assert.deepEqual([ledger.destinations[0]?.received, ledger.destinations[0]?.difference], [33, 0])
  const [client] = clients.clients
  assert.deepEqual(
    [client?.clientId, client?.user, client?.protocol, client?.transport, client?.received],
    ['press-7', null, 'MQTT 5', 'mqtt', 34],
  )
  assert.equal(client?.lastTopic, 'iotanalytics/channels/pumps/messages/put')
  assert.equal(fields.messages, 30)
  assert.deepEqual(fields.fields, [
    {
      path: 'temp',
      types: ['number'],
      present: 30,
      min: 0,
      max: 29,
      examples: fields.fields[0]?.examples ?? [],
    },
  ])
  assert.deepEqual(
    story.messages[0]?.steps.map(({ kind }) => kind).filter((kind) => kind !== 'sent'),
    ['came', 'stored', 'lost', 'waiting', 'receipt'],
  )
  assert.deepEqual(
    tables.tables.map(({ name, rows }) => [name, rows]),
    [
      ['pumps', 30],
      ['valves', 3],
    ],
  )
  assert.ok((destinations.destinations[0]?.answers?.p50 ?? 0) > 0)
  assert.equal(retried.destinations[0]?.destination, 'away')
})
