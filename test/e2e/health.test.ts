/** What health, the overview and `status` say, through the whole connector. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { ConfigInput, Connector } from '../../src/index.ts'
import {
  exception,
  type FakeMessage,
  refusing,
  silence,
} from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { OperatorAnswers } from '../support/http/operator-answers.ts'
import { askSocket } from '../support/http/operator-socket.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { destinationOf, mqttUrlOf, startConnector } from '../support/processes/running-connector.ts'
import { SkippingClock } from '../support/skipping-clock.ts'
import { until } from '../support/until.ts'

const AT_ONCE = { PublishInterval: '0' }

function httpOf(connector: Connector): string {
  return String(connector.describe().http)
}

async function healthOf(connector: Connector) {
  return JSON.parse(await (await fetch(`${httpOf(connector)}/health`)).text())
}

async function startWell(
  t: TestContext,
  settings: ConfigInput,
  options: Parameters<typeof startConnector>[2] = {},
) {
  const connector = await startConnector(t, settings, options)
  const { level, verdict } = await healthOf(connector)
  assert.deepEqual([level, verdict], ['ok', 'running'])
  return connector
}

test('a destination that rejects everything is critical, in the overview and for status too', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const never = ({ messageId }: FakeMessage) => ({
    messageId,
    errorCode: 'InvalidRequestException',
    errorMessage: 'not like this',
  })
  api.answerWhile(() => true, refusing(never))
  const settings = { parameters: AT_ONCE, destinations: [destinationOf(api)] }
  const connector = await startWell(t, settings)

  for (let i = 0; i < 3; i++) await connector.publish('my_channel', `m${i}`)
  await until('all are rejected', () => connector.ledger()[0]?.rejected === 3)
  const health = await healthOf(connector)
  const overview = await new OperatorAnswers(httpOf(connector)).get('overview')
  const status = await runCommand(t, ['status', '--url', httpOf(connector)])

  assert.deepEqual([health.level, health.ready], ['critical', true])
  assert.equal(health.verdict, 'iotAnalytics rejects messages')
  assert.match(
    health.problems[0],
    /^iotAnalytics rejected the last 3 messages, and has accepted none since the start/,
  )
  assert.deepEqual(
    [overview.verdict.level, overview.verdict.text],
    ['critical', 'iotAnalytics rejects messages'],
  )
  assert.match(status.stdout, /^CRITICAL {2}iotAnalytics rejects messages\. /m)
  assert.match(status.stdout, /^ {2}iotAnalytics rejected the last 3 /m)
  assert.equal(status.code, 3)
})

test('a bound that is met is critical while messages are refused', async (t) => {
  const connector = await startWell(t, { storage: { maxChannels: 1 } })

  await connector.publish('a', 'm1')
  await assert.rejects(connector.publish('b', 'm2'), { code: 'ChannelLimit' })
  const { level, verdict, problems } = await healthOf(connector)

  assert.deepEqual([level, verdict], ['critical', 'losing messages'])
  assert.match(problems[0], /^1 message was refused or dropped .*\(ChannelLimit: 1\)/)
})

test('a bound that is met is critical while senders of MQTT 3.1.1 keep their messages', async (t) => {
  const connector = await startWell(t, { storage: { maxChannels: 1 } })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await device.putMessage('a', 'm1', 'm1')
  // It is never acknowledged, so this never resolves.
  void device.putMessage('b', 'm2', 'm2').catch(() => {})
  await until('health knows', async () => (await healthOf(connector)).level !== 'ok')
  const { level, verdict, problems } = await healthOf(connector)

  assert.deepEqual([level, verdict], ['critical', 'new messages are refused'])
  assert.match(problems[0], /\(ChannelLimit: \d+\)\. Their senders keep them/)
})

test('a destination that is away is a warning that says since when and when the next attempt is', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  let isAway = true
  api.answerWhile(() => isAway, exception('ThrottlingException'))
  const settings = { parameters: AT_ONCE, destinations: [destinationOf(api, { maxAttempts: 1 })] }
  const connector = await startWell(t, settings)

  await connector.publish('my_channel', 'm1')
  await until('the destination is away', async () => (await healthOf(connector)).level !== 'ok')
  const { level, verdict, destinations } = await healthOf(connector)
  const status = await runCommand(t, ['status', '--json', '--url', httpOf(connector)])
  isAway = false
  await until('it is well again', async () => (await healthOf(connector)).level === 'ok')
  const after = await runCommand(t, ['status', '--url', httpOf(connector)])

  assert.equal(level, 'warning')
  assert.match(verdict, /^iotAnalytics away/)
  assert.ok(Date.parse(destinations[0].since) <= Date.now())
  assert.equal(JSON.parse(status.stdout).verdict.level, 'warning')
  assert.equal(status.code, 3)
  assert.match(after.stdout, /^OK {2}Everything works\.$/m)
  assert.match(after.stdout, /^iotAnalytics +working /m)
  assert.equal(after.code, 0)
})

test('a destination that rejected everything stays critical until it accepts a message', async (t) => {
  const clock = new SkippingClock()
  const api = await FakeIotAnalytics.start(t)
  const entry = ({ messageId }: FakeMessage) => ({
    messageId,
    errorCode: 'InvalidRequestException',
  })
  api.answerWhile(() => true, refusing(entry))
  const settings = { parameters: AT_ONCE, destinations: [destinationOf(api)] }
  const connector = await startWell(t, settings, { clock })

  await connector.publish('my_channel', 'm1')
  await until('it is rejected', () => connector.ledger()[0]?.rejected === 1)
  await clock.skip(600)
  const later = await healthOf(connector)
  api.recover()
  await connector.publish('my_channel', 'm2')
  await until('it is delivered', () => connector.ledger()[0]?.delivered === 1)
  const after = await healthOf(connector)

  assert.deepEqual([later.level, later.verdict], ['critical', 'iotAnalytics rejects messages'])
  assert.equal(later.destinations[0].rejectedInARow, 1)
  assert.deepEqual([after.level, after.problems], ['ok', []])
})

test('a queue that refused a message stays critical until there is room, and names the channel', async (t) => {
  const clock = new SkippingClock()
  const api = await FakeIotAnalytics.start(t)
  api.answerWhile(() => true, exception('ServiceUnavailableException'))
  const settings = {
    parameters: { ...AT_ONCE, IotAnalyticsQueueSizePerChannel: '2' },
    destinations: [destinationOf(api, { maxAttempts: 1 })],
  }
  const connector = await startWell(t, settings, { clock })

  for (const id of ['m1', 'm2']) await connector.publish('my_channel', id)
  await assert.rejects(connector.publish('my_channel', 'm3'), { code: 'QueueFull' })
  await clock.skip(600)
  const later = await healthOf(connector)
  api.recover()
  await askSocket(String(connector.describe().socket), '/api/v1/destinations/retry', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  await until('all is delivered', () => connector.ledger()[0]?.delivered === 2)
  const after = await healthOf(connector)

  assert.deepEqual(
    [later.level, later.verdict],
    ['critical', 'full: IotAnalyticsQueueSizePerChannel'],
  )
  assert.match(later.problems[0], /^Channel my_channel is full: /)
  assert.ok(later.problems.some((text: string) => /oldest message .* has waited for 10/.test(text)))
  assert.equal(after.level, 'ok')
})

test('health and the ledger say why part of a batch must be sent again, and when it is', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const entry = ({ messageId }: FakeMessage) => ({
    messageId,
    errorCode: 'ThrottlingException',
    errorMessage: 'rate exceeded',
  })
  api.answerWhile(() => true, refusing(entry))
  const settings = { parameters: AT_ONCE, destinations: [destinationOf(api)] }
  const connector = await startWell(t, settings, { random: () => 0.999 })

  await connector.publish('my_channel', 'm1')
  await until('it is retried', async () => (await healthOf(connector)).level !== 'ok')
  const { problems } = await healthOf(connector)
  const ledger = JSON.parse(await (await fetch(`${httpOf(connector)}/ledger`)).text())
  api.recover()

  assert.match(
    problems.join(' '),
    /did not take 1 message of a batch \(ThrottlingException: rate exceeded\); it is sent again/,
  )
  assert.ok(Date.parse(ledger.channels[0].nextAttemptAt) > Date.now() - 60_000)
})

test('a destination that takes batches and does not answer is a warning with the time', async (t) => {
  const clock = new SkippingClock()
  const api = await FakeIotAnalytics.start(t)
  api.answerWhile(() => true, silence())
  const settings = {
    parameters: AT_ONCE,
    destinations: [destinationOf(api, { maxAttempts: 1, timeout: '60s' })],
  }
  const connector = await startWell(t, settings, { clock })

  await connector.publish('my_channel', 'm1')
  await until('it is sent', async () => (await healthOf(connector)).destinations[0].unansweredSince)
  await clock.skip(12)
  const { level, verdict, problems } = await healthOf(connector)
  const status = await runCommand(t, ['status', '--url', httpOf(connector)])

  assert.equal(level, 'warning')
  assert.match(verdict, /^iotAnalytics: no result for 1\d s$/)
  assert.match(problems[0], /^A batch sent to iotAnalytics 1\d s ago has no result yet\./)
  assert.match(status.stdout, /^ {2}A batch sent to iotAnalytics/m)
})
