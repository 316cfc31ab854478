/** Traces of a whole connector, and without them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { exception } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess, sendingTo } from '../support/processes/connector-process.ts'
import {
  destinationOf,
  startConnector,
  temporaryDirectory,
} from '../support/processes/running-connector.ts'
import { type ReceivedSpan, TraceReceiver } from '../support/servers/trace-receiver.ts'
import { until } from '../support/until.ts'

function attributesOf({ attributes }: ReceivedSpan): Record<string, string | undefined> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]),
  )
}

test('a batch is a trace from the arrival of its first message to the answer, and a failed call a span of its own', async (t) => {
  const receiver = await TraceReceiver.start(t)
  const api = await FakeIotAnalytics.start(t)
  api.answerWhile(() => true, exception('ThrottlingException'))
  const url = `${receiver.url}/v1/traces`
  const connector = await startConnector(
    t,
    { parameters: { PublishInterval: '0' }, destinations: [destinationOf(api)] },
    { traces: { url, headers: {}, resource: { 'service.name': 'line-1' }, ratio: 1 } },
  )
  const before = Date.now()
  connector.events.once('batchRetried', () => api.recover())
  await connector.publish('my_channel', 'hello')
  await until('the message is delivered', () => connector.ledger()[0]?.delivered === 1)

  await connector.stop()

  const named = (name: string) => receiver.spans.filter((span) => span.name === name)
  const [deliver] = named('deliver my_channel')
  const [failed, sent] = named('send iotAnalytics')
  assert.ok(deliver !== undefined && failed !== undefined && sent !== undefined)
  assert.equal(attributesOf(failed)['error.type'], 'DestinationUnavailable')
  assert.equal(failed.status?.code, 2)
  assert.equal(sent.parentSpanId, deliver.spanId)
  assert.equal(sent.traceId, deliver.traceId)
  assert.equal(attributesOf(deliver)['messaging.batch.message_count'], '1')
  assert.ok(Number(deliver.startTimeUnixNano) / 1e6 >= before - 1)
  assert.ok(BigInt(deliver.startTimeUnixNano) <= BigInt(sent.startTimeUnixNano))
  assert.equal(deliver.endTimeUnixNano, sent.endTimeUnixNano)
  assert.ok(named('commit').length >= 1)
})

test('run sends traces where the environment says, and a wrong variable keeps it from starting', async (t) => {
  const receiver = await TraceReceiver.start(t)
  const api = await FakeIotAnalytics.start(t)
  const settings = [
    ...['--set', `storage.directory=${join(await temporaryDirectory(t), 'data')}`],
    ...['--set', 'parameters.PublishInterval=0', ...sendingTo(api, 'us-west-2')],
  ]
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }
  const connector = await new ConnectorProcess(t, settings, { env }).started()
  const device = await MqttDevice.connect(t, connector.mqttUrl)
  await device.putMessage('my_channel', 'hello')
  await until('the message is delivered', () => api.messageCount === 1)

  connector.signal('SIGTERM')
  await connector.ends()
  const wrong = { OTEL_EXPORTER_OTLP_ENDPOINT: 'nowhere' }
  const refused = await runCommand(t, ['run', '--set', 'http.port=0', ...settings], { env: wrong })

  assert.ok(receiver.spans.some(({ name }) => name === 'deliver my_channel'))
  assert.equal(receiver.resource['service.name'], 'iot-analytics-connector')
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /OTEL_EXPORTER_OTLP_ENDPOINT: expected a URL/)
})
