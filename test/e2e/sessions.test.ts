/** Messages for absent subscribers outlive the program: real clients, a restart, `kill -9`. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { commandOf, skipWithout } from '../support/processes/real-peers.ts'
import {
  mqttUrlOf,
  startConnector,
  temporaryDirectory,
} from '../support/processes/running-connector.ts'
import { ShiftedClock } from '../support/shifted-clock.ts'

const skip = skipWithout('mosquitto_pub', 'mosquitto_sub')

/** Returns what mosquitto_sub prints until it has `count` messages or two seconds are over. */
function listen(connector: ConnectorProcess, count: number, ...args: readonly string[]): string[] {
  const { port } = new URL(connector.mqttUrl)
  const { stdout } = spawnSync(
    commandOf('mosquitto_sub'),
    ['-p', port, '-C', `${count}`, '-W', '2', '-F', '%t %p', ...args],
    { encoding: 'utf8' },
  )
  return stdout.split('\n').filter((line) => line !== '')
}

/** Subscribes as a client that keeps its session, and disconnects. */
function subscribeAndGo(connector: ConnectorProcess, clientId: string, filter: string): void {
  const { port } = new URL(connector.mqttUrl)
  const args = ['-p', port, '-c', '-i', clientId, '-q', '2', '-t', filter, '-E']
  assert.equal(spawnSync(commandOf('mosquitto_sub'), args).status, 0)
}

async function connected(t: TestContext, url: string, options: IClientOptions) {
  const client = await mqtt.connectAsync(url, {
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...options,
  })
  t.after(() => client.end(true))
  client.on('error', () => undefined)
  return client
}

/** Resolves with the payloads of the messages that come before `last`. */
function receivedBefore(client: MqttClient, last: string): Promise<string[]> {
  const payloads: string[] = []
  return new Promise((resolve) => {
    client.on('message', (_topic, payload) => {
      if (payload.toString() === last) resolve(payloads)
      else payloads.push(payload.toString())
    })
  })
}

test('mosquitto_sub with a session gets the messages it missed, over a restart and over kill -9', {
  skip,
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const start = () => new ConnectorProcess(t, ['--data', directory]).started()
  const first = await start()
  subscribeAndGo(first, 'sleeper', 'news/#')
  const publisher = await connected(t, first.mqttUrl, { clientId: 'publisher' })
  for (const payload of ['1', '2']) await publisher.publishAsync('news/a', payload, { qos: 1 })
  await publisher.endAsync()
  first.signal('SIGTERM')
  await first.ends()

  const second = await start()
  const third = await connected(t, second.mqttUrl, { clientId: 'publisher' })
  await third.publishAsync('news/a', '3', { qos: 1 })
  await third.publishAsync('news/kept', '4', { qos: 1, retain: true })
  await second.crash()
  const last = await start()
  const got = listen(last, 4, '-c', '-i', 'sleeper', '-q', '2', '-t', 'news/#')
  const retained = listen(last, 1, '-t', 'news/+')

  assert.deepEqual(got, ['news/a 1', 'news/a 2', 'news/a 3', 'news/kept 4'])
  assert.deepEqual(retained, ['news/kept 4'])
})

test('every message acknowledged before kill -9 reaches the session of an absent client, once and in order', async (t) => {
  const directory = await temporaryDirectory(t)
  const start = () => new ConnectorProcess(t, ['--data', directory]).started()
  const topic = 'iotanalytics/channels/c/messages/binary/put'
  const properties = { sessionExpiryInterval: 600 }
  let connector = await start()
  const sleeper = await connected(t, connector.mqttUrl, {
    clientId: 'sleeper',
    clean: false,
    properties,
  })
  await sleeper.subscribeAsync({ [topic]: { qos: 1 }, plain: { qos: 1 } })
  await sleeper.endAsync()
  const acknowledged: string[] = []
  for (let life = 0; life < 3; life++) {
    const publisher = await connected(t, connector.mqttUrl, { clientId: 'publisher' })
    let isUp = true
    publisher.on('close', () => {
      isUp = false
    })
    const enough = acknowledged.length + 30 + 10 * life
    let crashed: Promise<void> | undefined
    for (let i = 0; isUp; i++) {
      const payload = `${life}-${i}`
      const to = i % 2 === 0 ? topic : 'plain'
      const answered = publisher.publishAsync(to, payload, { qos: 1 }).then(
        () => acknowledged.push(payload),
        () => undefined,
      )
      // The kill comes while this message is under way, at times before it is stored, at times after.
      if (acknowledged.length >= enough) crashed ??= setImmediate().then(() => connector.crash())
      await Promise.race(crashed === undefined ? [answered] : [answered, crashed])
    }
    await crashed
    connector = await start()
  }

  const marker = await connected(t, connector.mqttUrl, { clientId: 'marker' })
  await marker.publishAsync('plain', 'end', { qos: 1 })
  const back = mqtt.connect(connector.mqttUrl, {
    protocolVersion: 5,
    reconnectPeriod: 0,
    clientId: 'sleeper',
    clean: false,
    properties,
  })
  t.after(() => back.end(true))
  const payloads = await receivedBefore(back, 'end')

  const arrived = new Set(payloads)
  assert.ok(acknowledged.length > 90, `${acknowledged.length} acknowledged`)
  assert.deepEqual(
    acknowledged.filter((payload) => !arrived.has(payload)),
    [],
    'lost',
  )
  assert.equal(arrived.size, payloads.length, 'nothing twice')
  // One more may have been stored when each life ended.
  assert.ok(payloads.length <= acknowledged.length + 3)
  assert.deepEqual(
    payloads.filter((payload) => acknowledged.includes(payload)),
    acknowledged,
    'in order',
  )
  t.diagnostic(`${acknowledged.length} acknowledged, ${payloads.length} arrived`)
})

test('an MQTT 5 session that expired while the program was down is gone, and without sessions there is no file', async (t) => {
  const directory = await temporaryDirectory(t)
  const clock = new ShiftedClock()
  const start = () => startConnector(t, { storage: { directory } }, { clock })
  const first = await start()
  const url = mqttUrlOf(first)
  const plain = await connected(t, url, { clientId: 'plain' })
  await plain.subscribeAsync('#', { qos: 1 })
  await plain.publishAsync('a', 'x', { qos: 1 })
  await plain.endAsync()
  await assert.rejects(stat(join(directory, 'sessions')), { code: 'ENOENT' })
  const options = (clientId: string, sessionExpiryInterval: number): IClientOptions => ({
    clientId,
    clean: false,
    properties: { sessionExpiryInterval },
  })
  for (const [clientId, expiry] of [
    ['short', 100],
    ['long', 600],
  ] as const) {
    await (await connected(t, url, options(clientId, expiry))).endAsync()
  }
  await first.stop({ deadlineMs: 0 })
  clock.shift(101_000)

  const second = await start()
  const isPresent = async (clientId: string) => {
    const client = mqtt.connect(mqttUrlOf(second), {
      protocolVersion: 5,
      reconnectPeriod: 0,
      ...options(clientId, 600),
    })
    t.after(() => client.end(true))
    return new Promise((resolve) =>
      client.once('connect', ({ sessionPresent }) => resolve(sessionPresent)),
    )
  }

  assert.deepEqual([await isPresent('short'), await isPresent('long')], [false, true])
})
