/** `publish` over a real broker, with a stand-in for the connector that gives receipts, and over our own server. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectAsync, type MqttClient } from 'mqtt'
import { temporaryFile } from '../../support/disk/temporary-file.ts'
import { startServer } from '../../support/mqtt/mqtt-server-under-test.ts'
import { RecordingIntake } from '../../support/mqtt/recording-intake.ts'
import {
  type Certificates,
  makeCertificates,
  skipWithoutOpenssl,
} from '../../support/processes/certificates.ts'
import { RunningCommand, runCommand } from '../../support/processes/command-line.ts'
import { runInTerminal } from '../../support/processes/in-terminal.ts'
import { passwordFile } from '../../support/processes/password-file.ts'
import { commandOf, skipWithout } from '../../support/processes/real-peers.ts'

const skip = skipWithout('mosquitto')
const STATUS_TOPIC = 'iotanalytics/messages/put/status'

type Verdict = object | undefined
const SUCCESS: Verdict = { status: 'success' }

interface Received {
  readonly topic: string
  readonly payload: Buffer
}

/** A broker and, on it, somebody who takes messages as the connector does and says what became of them. */
class FakeConnector {
  readonly url: string
  readonly received: Received[] = []
  readonly broker: ChildProcess
  readonly #events = new EventEmitter()

  constructor(url: string, broker: ChildProcess, client: MqttClient, verdict: () => Verdict) {
    this.url = url
    this.broker = broker
    client.on('message', (topic, payload, { properties }) => {
      if (topic === STATUS_TOPIC) return
      this.received.push({ topic, payload })
      this.#events.emit('received')
      const response = verdict()
      if (response === undefined) return
      if (properties?.responseTopic !== undefined) {
        const { responseTopic, correlationData } = properties
        const answer = JSON.stringify({ response })
        client.publish(responseTopic, answer, {
          properties: correlationData === undefined ? {} : { correlationData },
        })
      } else if (topic.endsWith('/messages/put')) {
        const { id } = JSON.parse(payload.toString())
        client.publish(STATUS_TOPIC, JSON.stringify({ response, id }))
      }
    })
  }

  static async open(
    t: TestContext,
    verdict: () => Verdict = () => SUCCESS,
  ): Promise<FakeConnector> {
    const port = await freePort()
    const config = `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n`
    const file = await temporaryFile(t, 'mosquitto.conf', config)
    const broker = spawn(commandOf('mosquitto'), ['-v', '-c', file])
    t.after(() => broker.kill())
    let log = ''
    while (!log.includes(' running')) log += String((await once(broker.stderr, 'data'))[0])
    broker.stderr.resume()
    const url = `mqtt://127.0.0.1:${port}`
    const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0 })
    client.on('error', () => {}) // the broker is killed in one test
    t.after(() => client.end(true))
    await client.subscribeAsync('#', { qos: 1 })
    return new FakeConnector(url, broker, client, verdict)
  }

  async receives(count: number): Promise<void> {
    while (this.received.length < count) await once(this.#events, 'received')
  }

  get texts(): string[] {
    return this.received.map(({ payload }) => payload.toString())
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

test('a message goes out exactly as in the specification’s example', { skip }, async (t) => {
  const connector = await FakeConnector.open(t)

  const args = ['publish', 'my_channel', '{"temp":23.33}', '--id', 'req123', '--url', connector.url]
  const { code, stdout } = await runCommand(t, args)
  await connector.receives(1)

  assert.equal(code, 0)
  assert.equal(stdout, 'published 1, 1 acknowledged\n')
  assert.equal(connector.received[0]?.topic, 'iotanalytics/channels/my_channel/messages/put')
  assert.deepEqual(JSON.parse(connector.texts[0] ?? ''), {
    request: { message: '{"temp":23.33}' },
    id: 'req123',
  })
})

test('a file goes out byte by byte, and a topic of one’s own is used as it is', {
  skip,
}, async (t) => {
  const connector = await FakeConnector.open(t)
  const file = await temporaryFile(t, 'bytes', '\u0000\u00ff not JSON')

  await runCommand(t, ['publish', 'c', '--binary', '--file', file, '--url', connector.url])
  await runCommand(t, ['publish', '--topic', 'factory/line1', '23.33', '--url', connector.url])
  await connector.receives(2)

  assert.deepEqual(
    connector.received.map(({ topic }) => topic),
    ['iotanalytics/channels/c/messages/binary/put', 'factory/line1'],
  )
  assert.deepEqual(connector.texts, ['\u0000\u00ff not JSON', '23.33'])
})

test('a message per line of standard input', { skip }, async (t) => {
  const connector = await FakeConnector.open(t)

  const args = ['publish', 'c', '-', '--binary', '--url', connector.url]
  const { code } = await runCommand(t, args, { input: 'one\ntwo\nthree' })
  await connector.receives(3)

  assert.equal(code, 0)
  assert.deepEqual(connector.texts, ['one', 'two', 'three'])
})

test('generated messages have a size, ids of their own and a receipt each', { skip }, async (t) => {
  const connector = await FakeConnector.open(t)

  const args = [
    'publish',
    'c',
    '--count',
    '2000',
    '--size',
    '300',
    '--receipts',
    '--url',
    connector.url,
  ]
  const { code, stdout } = await runCommand(t, args)

  const messages = connector.texts.map((text) => JSON.parse(text))
  assert.equal(code, 0)
  assert.match(stdout, /^published 2000 in [\d.]+ s \(\d+\/s\), 2000 acknowledged\n/)
  assert.match(stdout, /^receipts: 2000 success\n$/m)
  assert.equal(new Set(messages.map(({ id }) => id)).size, 2000)
  assert(messages.every(({ request }) => request.message.length === 300))
})

test('receipts of binary messages come over MQTT 5’s response topic', { skip }, async (t) => {
  const connector = await FakeConnector.open(t)

  const args = [
    'publish',
    'c',
    'x',
    '--binary',
    '--count',
    '20',
    '--receipts',
    '--url',
    connector.url,
  ]
  const { code, stdout } = await runCommand(t, args)

  assert.equal(code, 0)
  assert.match(stdout, /^receipts: 20 success$/m)
})

test('failures are summed up by error, with exit code 1', { skip }, async (t) => {
  const failure = { status: 'fail', error: 'QueueFull', error_message: 'The queue is full.' }
  let count = 0
  const connector = await FakeConnector.open(t, () => (++count % 2 === 0 ? failure : SUCCESS))

  const args = ['publish', 'c', '--count', '10', '--receipts', '--url', connector.url]
  const { code, stdout } = await runCommand(t, args)

  assert.equal(code, 1)
  assert.match(stdout, /^receipts: 5 success$/m)
  assert.match(stdout, /^receipts: 5 fail, QueueFull: The queue is full\.$/m)
})

test('receipts that do not come are counted when the time is up', { skip }, async (t) => {
  const connector = await FakeConnector.open(t, () => undefined)

  const args = ['publish', 'c', 'x', '--receipts', '--timeout', '0.1', '--url', connector.url]
  const { code, stdout } = await runCommand(t, args)

  assert.equal(code, 1)
  assert.match(stdout, /^receipts: 1 missing$/m)
})

test('--rate is kept, and a lost connection is reported', { skip }, async (t) => {
  const connector = await FakeConnector.open(t)
  const args = ['publish', 'c', '--count', '100000', '--rate', '100', '--url', connector.url]
  const command = new RunningCommand(t, args)
  await connector.receives(1)
  const startedAt = performance.now()

  await connector.receives(31)
  const elapsedMs = performance.now() - startedAt
  connector.broker.kill('SIGKILL')
  const { code, stderr } = await command.ends()

  assert(elapsedMs > 200, `30 messages at 100/s took ${elapsedMs} ms`)
  assert.equal(code, 1)
  assert.match(stderr, /^error: Lost the connection to mqtt:\/\/127\.0\.0\.1:\d+ .*\n$/)
})

test('a connector that refuses the connection is reported with its reason', { skip }, async (t) => {
  const connector = await FakeConnector.open(t)

  const url = connector.url.replace('mqtt://', 'mqtts://')
  const { code, stderr } = await runCommand(t, ['publish', 'c', 'x', '--url', url])

  assert.equal(code, 1)
  assert.match(stderr, /^error: Can’t connect to mqtts:\/\/127\.0\.0\.1:\d+: .*\n$/)
})

test('refused messages are reported by reason code, in plain words, with exit code 1', async (t) => {
  const full = { error: 'StorageFull', message: 'Channel c has no room.' }
  const invalid = { error: 'InvalidMessage', message: 'expected JSON' }
  const intake = new RecordingIntake({
    commitsAtOnce: true,
    refuse: (_topic, payload) => {
      if (payload.includes('full')) return full
      return payload.includes('invalid') ? invalid : undefined
    },
  })
  const { port } = await startServer(t, { intake })
  const url = `mqtt://127.0.0.1:${port}`

  for (const qos of ['1', '2']) {
    const args = ['publish', 'c', '-', '--binary', '--qos', qos, '--url', url]
    const input = 'fine\nfull\ninvalid\nfull\nfine'
    const { code, stdout, stderr } = await runCommand(t, args, { input })

    assert.deepEqual([code, stderr], [1, ''])
    assert.match(stdout, /^published 5 in .*, 2 acknowledged, 3 refused\n/)
    assert.match(
      stdout,
      /^refused: 2 with reason code 0x97 \(a limit is reached\): Channel c has no room\.$/m,
    )
    assert.match(
      stdout,
      /^refused: 1 with reason code 0x99 \(the message has the wrong format\): expected JSON$/m,
    )
  }
})

test('no more is unacknowledged than the server takes, and a message nobody listens to is fine', async (t) => {
  const { port } = await startServer(t, { limits: { receiveMaximum: 3 } })
  const url = `mqtt://127.0.0.1:${port}`

  const many = await runCommand(t, ['publish', 'c', '--count', '200', '--url', url])
  const unheard = await runCommand(t, ['publish', '--topic', 'nobody', 'x', '--url', url])

  assert.match(many.stdout, /200 acknowledged\n$/)
  assert.equal(unheard.stdout, 'published 1, 1 acknowledged\n')
  assert.deepEqual([many.code, unheard.code], [0, 0])
})

test('a server that disconnects says why', async (t) => {
  const { port, server, intake } = await startServer(t, { intake: new RecordingIntake() })
  const url = `mqtt://127.0.0.1:${port}`
  const command = new RunningCommand(t, ['publish', 'c', 'x', '--url', url])
  await intake.taken(1)

  await server.close()
  const { code, stderr } = await command.ends()

  assert.equal(code, 1)
  assert.match(stderr, /^error: Lost the connection to mqtt:.*reason code 0x8b/)
})

test('Ctrl-C restores the terminal and prints the summary', {
  skip: skipWithout('python3'),
}, async (t) => {
  const { port } = await startServer(t)
  const args = ['publish', 'c', '--count', '100000', '--rate', '200']
  const program = join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.js')
  const url = `mqtt://127.0.0.1:${port}`
  const command = [process.execPath, program, ...args, '--url', url]

  const { code, shown } = await runInTerminal(t, command, ['s left'])

  assert.equal(code, 1)
  assert.match(shown, /published \d+ in .* acknowledged/)
  assert.match(shown, /SIGINT: stopped before the end/)
  for (const mode of ['?25', '?7']) {
    assert.ok(shown.lastIndexOf(`\u001b[${mode}h`) > shown.lastIndexOf(`\u001b[${mode}l`), mode)
  }
})

test('publish connects to the configured broker with the user and password given for it', async (t) => {
  const users = await passwordFile(t, { bridge: 'secret' })
  const { port } = await startServer(t, { options: { passwordFile: users } })
  const secret = await temporaryFile(t, 'password', 'secret\n')
  const broker = `sources={mqttClient: {url: "mqtt://127.0.0.1:${port}", username: bridge, passwordFile: "${secret}"}}`

  const known = await runCommand(t, ['publish', 'c', 'x', '--set', broker])
  const unknown = await runCommand(t, ['publish', 'c', 'x', '--url', `mqtt://127.0.0.1:${port}`])

  assert.equal(known.stdout, 'published 1, 1 acknowledged\n')
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /--username and --password/)
})

test('publish presents --cert and --key to a server that requires a client certificate', {
  skip: skipWithoutOpenssl,
}, async (t) => {
  const certificates = makeCertificates(t)
  const strangers = makeCertificates(t)
  const { server, intake } = await startServer(t, {
    options: {
      tls: {
        port: 0,
        cert: certificates.path('broker.crt'),
        key: certificates.path('broker.key'),
        ca: certificates.path('ca.crt'),
        clientCertificate: 'required',
      },
    },
  })
  const url = `mqtts://127.0.0.1:${server.portOf('mqtts')}`
  const args = ['publish', 'c', 'sealed', '--url', url, '--ca', certificates.path('ca.crt')]
  const pairOf = ({ path }: Certificates) => [
    ...['--cert', path('connector.crt'), '--key', path('connector.key')],
  ]

  const [known, stranger, without, half] = await Promise.all([
    runCommand(t, [...args, ...pairOf(certificates)]),
    runCommand(t, [...args, ...pairOf(strangers)]),
    runCommand(t, args),
    runCommand(t, [...args, '--cert', certificates.path('connector.crt')]),
  ])

  assert.equal(known.stdout, 'published 1, 1 acknowledged\n', known.stderr)
  assert.equal(intake.messages.length, 1)
  for (const refused of [stranger, without]) {
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /--cert and --key/)
  }
  assert.equal(half.code, 2)
  assert.match(half.stderr, /--cert and --key go together: set both or neither/)
})
