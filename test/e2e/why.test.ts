/** One message's history through the whole connector. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exception, type FakeMessage, refusing } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { destinationOf, mqttUrlOf, startConnector } from '../support/processes/running-connector.ts'

const TIME = '\\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z'

test('why reports when a message came, each attempt, and its receipt', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  api.answerNext(exception('ThrottlingException'))
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0' },
    destinations: [destinationOf(api, { maxAttempts: 1 })],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))
  const http = String(connector.describe().http)

  await device.putMessage('my_channel', '{"temp":23.33}', 'req123')
  await device.receiptsUpTo(1)
  const known = await runCommand(t, ['why', 'req123', '--url', http])
  const unknown = await runCommand(t, ['why', 'req124', '--url', http])

  const sentences = known.stdout.split('\n')
  assert.match(
    String(sentences[0]),
    new RegExp(
      `^Received ${TIME} on topic iotanalytics/channels/my_channel/messages/put, stored in channel my_channel at offset 0 \\(message id req123\\)\\.$`,
    ),
  )
  assert.match(
    String(sentences[1]),
    new RegExp(
      `^Sent to iotAnalytics ${TIME}, answered after \\d+ ms: not accepted, to be sent again: .*Throttling`,
    ),
  )
  assert.match(String(sentences[2]), /^Sent to iotAnalytics .*: accepted\.$/)
  assert.equal(sentences[3], 'Its receipt said success.')
  assert.deepEqual([known.code, sentences.length], [0, 5])
  assert.equal(unknown.code, 1)
  assert.match(unknown.stdout, /^Nothing is known of a message with the id req124/)
})

test('why finds messages by the id the connector made, dead letters and refusals', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const never = ({ messageId }: FakeMessage) => ({
    messageId,
    errorCode: 'InvalidRequestException',
    errorMessage: 'not like this',
  })
  api.answerNext(refusing(never))
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0' },
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))
  const http = String(connector.describe().http)
  const why = async (id: string): Promise<string> =>
    (await fetch(`${http}/why/${encodeURIComponent(id)}?format=text`)).text()

  await device.putMessage('my_channel', 'first', 'refused1')
  await device.receiptsUpTo(1)
  await device.putMessage('my_channel', 'second')
  const generated = String((await device.receiptsUpTo(2))[1]?.id)
  await device.putMessage('my channel', 'third', 'lost1')
  await device.receiptsUpTo(3)

  assert.match(generated, /^[0-9a-f]{8}-1$/)
  assert.match(await why(generated), /at offset 1 .*\n.*: accepted\./)
  const refused = await why('refused1')
  assert.match(refused, /rejected: InvalidRequestException: /)
  assert.match(refused, /Its receipt said fail, InvalidRequestException/)
  assert.match(refused, /Kept as a dead letter since .*; replay sends it again\./)
  assert.match(await why('lost1'), /InvalidChannelName/)
})
