/**
 * The program runs the specification's "Create Connector Example (CLI)" unchanged. The test adds
 * only the endpoint's address, credentials and free ports.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { exception, silence } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { SPECIFICATION_EXAMPLE } from '../support/destinations/specification-example.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { ConnectorProcess, sendingTo } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

const FILE = join(import.meta.dirname, '..', '..', '..', 'examples', 'connector-definition.json')

/** Copied literally from the specification. */
const EXAMPLE_INPUT = `{
    "request": {
        "message" : "{\\"temp\\":23.33}"
    },
    "id" : "req123"
}`

interface Scene {
  readonly api: FakeIotAnalytics
  readonly connector: ConnectorProcess
  readonly device: MqttDevice
}

async function runExample(t: TestContext, more: readonly string[] = []): Promise<Scene> {
  // The fake checks that requests are signed for the region in PublishRegion.
  const api = await FakeIotAnalytics.start(t, { region: 'us-west-1' })
  const data = await temporaryDirectory(t)
  const args = ['--connector-definition', FILE, '--data', data, ...sendingTo(api), ...more]
  const connector = await new ConnectorProcess(t, args).started()
  return { api, connector, device: await MqttDevice.connect(t, connector.mqttUrl) }
}

test('examples/connector-definition.json is the specification’s example', () => {
  assert.deepEqual(JSON.parse(readFileSync(FILE, 'utf8')), JSON.parse(SPECIFICATION_EXAMPLE))
})

test('run --connector-definition: the example input goes out signed for PublishRegion within PublishInterval, with the example output', async (t) => {
  const { api, connector, device } = await runExample(t)
  const startedAt = performance.now()

  await device.put('my_channel', EXAMPLE_INPUT)

  assert.deepEqual(await device.receiptsUpTo(1), [
    { response: { status: 'success' }, id: 'req123' },
  ])
  assert.ok(performance.now() - startedAt > 1_900, 'PublishInterval is 2 seconds')
  const [message] = api.received('my_channel')
  assert.equal(message?.payload.toString(), '{"temp":23.33}')
  assert.equal(message?.messageId, 'req123')
  assert.deepEqual(api.violations, [])
  connector.signal('SIGTERM')
  assert.equal((await connector.ends()).code, 0)
})

test('run --connector-definition: batches of 5, binary and customer-defined topics, and the example output of failure', async (t) => {
  const { api, device } = await runExample(t, ['--set', 'inputs=[factory/#]'])
  api.answerWhile(
    ({ channel }) => channel === 'unknown_channel',
    exception('ResourceNotFoundException', {
      message: 'A resource with the specified name could not be found.',
    }),
  )
  const raw = Buffer.from([0, 1, 254, 255])

  for (let n = 0; n < 5; n++) await device.putMessage('five', `m${n}`, `m${n}`)
  await device.receiptsUpTo(5)
  await device.put('unknown_channel', EXAMPLE_INPUT)
  await device.putBinary('other_channel', raw)
  await device.client.publishAsync('factory/line1', raw, { qos: 1 })
  const receipts = await device.receiptsUpTo(8)

  assert.deepEqual(
    api.batches('five').map((batch) => batch.length),
    [5],
  )
  assert.deepEqual(api.received('other_channel')[0]?.payload, raw)
  assert.deepEqual(api.received('my_channel')[0]?.payload, raw)
  assert.deepEqual(
    receipts.slice(5).filter(({ response }) => response.status === 'success'),
    [{ response: { status: 'success' } }, { response: { status: 'success' } }],
  )
  assert.deepEqual(
    receipts.find(({ response }) => response.status === 'fail'),
    {
      response: {
        status: 'fail',
        error: 'ResourceNotFoundException',
        error_message: 'A resource with the specified name could not be found.',
      },
      id: 'req123',
    },
  )
})

test('run --connector-definition: 25 active channels with 1028 messages each, of which the oldest are dropped first', async (t) => {
  const { api, device } = await runExample(t)
  api.answerWhile(() => true, silence())

  for (let n = 1; n <= 24; n++) await device.putMessage(`channel_${n}`, 'm', `c${n}`)
  for (let n = 0; n < 5; n++) await device.putMessage('my_channel', `m${n}`, `m${n}`)
  await api.until(() => api.requests.some(({ body }) => body.includes('"my_channel"')))
  await Promise.all(
    Array.from({ length: 1028 }, (_, n) => device.putMessage('my_channel', 'm', `m${5 + n}`)),
  )
  const dropped = [...(await device.receiptsUpTo(5))]
  await device.putMessage('channel_25', 'm', 'one too many')
  const refused = (await device.receiptsUpTo(6))[5]

  // The first five are being sent, so they are not dropped.
  assert.deepEqual(
    dropped.map(({ id, response }) => [id, response.error]),
    ['m5', 'm6', 'm7', 'm8', 'm9'].map((id) => [id, 'QueueFull']),
  )
  assert.equal(refused?.response.error, 'ActiveChannelLimit')
  assert.equal(refused?.id, 'one too many')
})
