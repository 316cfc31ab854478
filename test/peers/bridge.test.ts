/**
 * Somebody's mosquitto, bridged to the whole connector: devices stay there, their messages come
 * over the bridge, and their receipts go back.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Connector, createConnector } from '../../src/index.ts'
import { type Mosquitto, startMosquitto } from '../support/mqtt/mosquitto.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { skipWithout } from '../support/processes/real-peers.ts'
import {
  assertLedgerAddsUp,
  mqttPortOf,
  startConnector,
} from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const DOWN = 'commands/pump'

async function bridgedTo(t: TestContext, port: string, version: string): Promise<Mosquitto> {
  return startMosquitto(t, {
    config: [
      'allow_anonymous true',
      'connection upstream',
      `address 127.0.0.1:${port}`,
      `bridge_protocol_version ${version}`,
      'cleansession false',
      'restart_timeout 1',
      'topic iotanalytics/channels/# out 1',
      'topic iotanalytics/messages/put/status in 1',
      'topic commands/# in 2',
    ],
  })
}

/** Resolves when what is published above comes out below: the bridge is connected. */
async function untilBridged(below: MqttDevice, above: MqttDevice): Promise<void> {
  let isThere = false
  below.client.on('message', (topic) => {
    isThere ||= topic === 'commands/ready'
  })
  await below.client.subscribeAsync('commands/#', { qos: 2 })
  await until('the bridge is connected', async () => {
    await above.client.publishAsync('commands/ready', '')
    return isThere
  })
}

for (const version of ['mqttv311', 'mqttv50']) {
  test(`devices behind a mosquitto bridge (${version}) get receipts and commands`, {
    skip: skipWithout('mosquitto'),
  }, async (t) => {
    const connector = await startConnector(t, {})
    const broker = await bridgedTo(t, mqttPortOf(connector), version)
    const below = await MqttDevice.connect(t, broker.url)
    const above = await MqttDevice.connect(t, `mqtt://127.0.0.1:${mqttPortOf(connector)}`)
    await untilBridged(below, above)
    const command = new Promise<string>((resolve) => {
      below.client.on('message', (topic, payload) => {
        if (topic === DOWN) resolve(payload.toString())
      })
    })

    await below.putMessage('my_channel', '{"temp":23.33}', 'from below')
    await above.client.publishAsync(DOWN, 'stop', { qos: 2 })

    const [receipt] = await below.receiptsUpTo(1)
    assert.deepEqual(receipt, { response: { status: 'success' }, id: 'from below' })
    assert.equal(await command, 'stop')
    assertLedgerAddsUp(connector)
  })
}

test('messages sent while the connector is away come over the bridge when it is back, in order', {
  skip: skipWithout('mosquitto'),
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'iot-analytics-connector-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const start = async (port: number): Promise<Connector> => {
    const connector = createConnector({
      sources: { mqttServer: { port } },
      storage: { directory },
      http: { port: 0 },
      log: { level: 'silent' },
    })
    await connector.start()
    return connector
  }
  const before = await start(0)
  const port = mqttPortOf(before)
  const broker = await bridgedTo(t, port, 'mqttv311')
  const below = await MqttDevice.connect(t, broker.url)
  const above = await MqttDevice.connect(t, `mqtt://127.0.0.1:${port}`)
  await untilBridged(below, above)
  const ids = Array.from({ length: 20 }, (_, index) => `message-${index}`)

  await before.stop({ deadlineMs: 5000 })
  for (const id of ids) await below.putMessage('my_channel', '1', id)
  const after = await start(Number(port))
  t.after(() => after.stop({ deadlineMs: 0 }))

  const receipts = await below.receiptsUpTo(ids.length)
  assert.deepEqual(
    receipts.map(({ id }) => id),
    ids,
  )
  assert.equal(after.ledger()[0]?.received, ids.length)
})
