/** `examples/nats.yaml` runs against a NATS server. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { skipWithoutNats, startNats } from '../support/servers/nats.ts'
import { serverDirectory } from '../support/servers/server-process.ts'
import { until } from '../support/until.ts'

const root = join(import.meta.dirname, '..', '..', '..')

test('examples/nats.yaml runs: a message is in the stream', {
  skip: skipWithoutNats,
}, async (t) => {
  const directory = serverDirectory(t, 'example')
  const file = join(directory, 'password')
  writeFileSync(file, 'p@ss\n', { mode: 0o600 })
  const server = await startNats(t, {
    config: 'authorization { user: connector, password: "p@ss" }',
    connection: { user: 'connector', pass: 'p@ss' },
  })
  const settings = { 'servers[0]': `127.0.0.1:${server.port}`, create: true, passwordFile: file }
  const sets = Object.entries(settings).flatMap(([option, value]) => [
    '--set',
    `destinations[0].nats.${option}=${value}`,
  ])
  const example = ['--config', join(root, 'examples', 'nats.yaml'), '--data', directory]
  const connector = await new ConnectorProcess(t, [...example, ...sets]).started()
  const device = await MqttDevice.connect(t, connector.mqttUrl)

  await device.putMessage('my_channel', '{"temp":23.33}', 'req1')

  const stored = async () => await server.stored('messages', 'messages.plant-3.my_channel')
  await until('the message is there', async () => (await stored()).length > 0)
  assert.deepEqual(
    (await stored()).map(({ payload }) => String(payload)),
    ['{"temp":23.33}'],
  )
})
