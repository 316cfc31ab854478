/** Third-party clients: mosquitto's, MQTT.js, paho. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { connectAsync } from 'mqtt'
import { startServer } from '../support/mqtt/mqtt-server-under-test.ts'
import { publishPacket } from '../support/mqtt/mqtt-wire.ts'
import { commandOf, skipWithout } from '../support/processes/real-peers.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const TOPIC = 'iotanalytics/channels/c/messages/binary/put'

for (const version of ['mqttv31', 'mqttv311', 'mqttv5']) {
  test(`mosquitto_pub and mosquitto_sub with ${version}, QoS 0 to 2`, {
    skip: skipWithout('mosquitto_pub', 'mosquitto_sub'),
  }, async (t) => {
    const { port, intake, server } = await startServer(t)
    const peer = ['-h', '127.0.0.1', '-p', String(port), '-V', version]
    const listener = spawn(commandOf('mosquitto_sub'), [
      ...peer,
      '-q',
      '1',
      '-t',
      'iotanalytics/#',
      '-C',
      '3',
      '-F',
      '%t %q %p',
    ])
    t.after(() => listener.kill())
    const ended = once(listener, 'close')
    const lines: string[] = []
    const output = createInterface(listener.stdout)
    output.on('line', (line) => lines.push(line))
    // It prints only when it ends, so the server is asked whether it has subscribed.
    await until('it has subscribed', () => server.outlet.hasListeners('iotanalytics/any'))

    for (const qos of ['0', '1', '2']) {
      await run(commandOf('mosquitto_pub'), [...peer, '-q', qos, '-t', TOPIC, '-m', `m${qos}`])
    }
    await ended

    assert.deepEqual(
      intake.messages.map(({ payload }) => payload.toString()),
      ['m0', 'm1', 'm2'],
    )
    const got = lines.filter((line) => line.startsWith('iotanalytics/'))
    assert.deepEqual(got, [`${TOPIC} 0 m0`, `${TOPIC} 1 m1`, `${TOPIC} 1 m2`])
  })
}

test('mosquitto_pub sends many lines over one connection without losing one', {
  skip: skipWithout('mosquitto_pub'),
}, async (t) => {
  const { port, intake } = await startServer(t)
  const publisher = spawn(commandOf('mosquitto_pub'), [
    '-h',
    '127.0.0.1',
    '-p',
    String(port),
    '-q',
    '1',
    '-t',
    TOPIC,
    '-l',
  ])

  publisher.stdin.end(Array.from({ length: 2_000 }, (_, i) => `line ${i}\n`).join(''))
  await once(publisher, 'exit')

  assert.deepEqual(
    intake.messages.map(({ payload }) => payload.toString()),
    Array.from({ length: 2_000 }, (_, i) => `line ${i}`),
  )
})

for (const protocolVersion of [4, 5] as const) {
  test(`MQTT.js with version ${protocolVersion}`, async (t) => {
    const { port, intake } = await startServer(t)
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      protocolVersion,
      reconnectPeriod: 0,
    })
    t.after(() => client.endAsync(true))
    const received: string[] = []
    client.on('message', (topic, payload) => received.push(`${topic} ${payload.toString()}`))
    await client.subscribeAsync(['echo/#', '$SYS/#'], { qos: 2 })

    await Promise.all(
      [0, 1, 2].map((qos) =>
        client.publishAsync(TOPIC, `q${qos}`, { qos: qos === 0 ? 0 : qos === 1 ? 1 : 2 }),
      ),
    )
    await client.publishAsync('echo/me', 'hello', { qos: 2, retain: true })
    while (!received.includes('echo/me hello')) {
      await new Promise<void>((resolve) => client.once('message', () => resolve()))
    }
    await client.unsubscribeAsync('echo/#')

    assert.deepEqual(intake.messages.map(({ payload }) => payload.toString()).toSorted(), [
      'q0',
      'q1',
      'q2',
    ])
  })
}

test('a mosquitto bridge carries messages in both directions', {
  skip: skipWithout('mosquitto', 'mosquitto_pub'),
}, async (t) => {
  const { port, intake, server, client } = await startServer(t)
  const directory = await mkdtemp(join(tmpdir(), 'bridge-'))
  t.after(() => rm(directory, { recursive: true }))
  const own = await freePort()
  const configuration = join(directory, 'mosquitto.conf')
  const lines = [
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    `listener ${own} 127.0.0.1`,
    'allow_anonymous true',
    'connection upstream',
    `address 127.0.0.1:${port}`,
    'topic iotanalytics/# out 1',
    'topic down/# both 1',
  ]
  await writeFile(configuration, lines.join('\n'))
  const bridge = spawn(commandOf('mosquitto'), ['-c', configuration], { stdio: 'ignore' })
  t.after(() => bridge.kill())
  await until('it has subscribed', () => server.outlet.hasListeners('down/any'))
  const peer = ['-h', '127.0.0.1', '-p', String(own), '-q', '1']
  const below = await connectAsync(`mqtt://127.0.0.1:${own}`, { reconnectPeriod: 0 })
  t.after(() => below.endAsync(true))
  const arrived = new Promise<string>((resolve) => {
    below.on('message', (topic, payload) => resolve(`${topic} ${payload.toString()}`))
  })
  await below.subscribeAsync('down/#')

  await run(commandOf('mosquitto_pub'), [...peer, '-t', TOPIC, '-m', 'up'])
  await intake.taken(1)
  const publisher = await client()
  publisher.send(publishPacket({ topic: 'down/x', payload: 'down', qos: 1 }))

  assert.equal(await arrived, 'down/x down')
  assert.equal(intake.messages[0]?.payload.toString(), 'up')
})

/** mosquitto cannot choose a port itself. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const PAHO = `
import sys, paho.mqtt.client as mqtt
port, topic, protocol = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
client = mqtt.Client('paho', protocol=protocol)
client.will_set('will', 'gone', qos=1)
def connected(client, *_):
    client.subscribe('back', qos=2)
def subscribed(client, *_):
    for qos in (0, 1, 2):
        client.publish(topic, 'p%d' % qos, qos=qos)
    client.publish('back', 'home', qos=2)
def received(client, userdata, message):
    print(message.topic, message.payload.decode(), message.qos)
    client.disconnect()
client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, received
client.connect('127.0.0.1', port)
client.loop_forever()
`

for (const protocol of ['4', '5']) {
  test(`paho with protocol ${protocol}`, { skip: skipWithout('paho') }, async (t) => {
    const { port, intake } = await startServer(t)

    const { stdout } = await run(commandOf('paho'), ['-c', PAHO, String(port), TOPIC, protocol])

    assert.equal(stdout.trim(), 'back home 2')
    assert.deepEqual(
      intake.messages.map(({ payload }) => payload.toString()),
      ['p0', 'p1', 'p2'],
    )
  })
}
