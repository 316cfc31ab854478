/** `check` and `run` refuse the same configurations, in the same words, and change nothing. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FakeIotAnalytics } from '../../support/destinations/fake-iot-analytics.ts'
import { makeCertificates, skipWithoutOpenssl } from '../../support/processes/certificates.ts'
import { runCommand } from '../../support/processes/command-line.ts'
import { ConnectorProcess } from '../../support/processes/connector-process.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

const HINT = /If the connector itself is running there, .* with check --while-running\.\n/
const FREE = ['sources.mqttServer.port=0', 'http.port=0']

function flagsOf(settings: readonly string[]): string[] {
  return [...FREE, ...settings].flatMap((setting) => ['--set', setting])
}

/** What both say on standard error. */
async function refusal(t: TestContext, settings: readonly string[], cwd: string, code = 2) {
  const flags = flagsOf(settings)
  const check = await runCommand(t, ['check', ...flags], { cwd })
  const run = await runCommand(t, ['run', ...flags], { cwd })
  assert.deepEqual([check.code, check.stdout], [code, ''], check.stderr)
  assert.deepEqual({ ...check, stderr: check.stderr.replace(HINT, '') }, run)
  return check.stderr
}

/** A port that another program listens on. */
async function takenPort(t: TestContext): Promise<number> {
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  const address = other.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

test('every file that cannot be read is named at once, with its setting and its full path', async (t) => {
  const cwd = await temporaryDirectory(t)

  const stderr = await refusal(
    t,
    [
      ...['passwordFile=users', 'aclFile=rules.yaml', 'tls.port=0', 'tls.cert=a', 'tls.key=b'],
      ...['tls.ca=c', 'tls.crl=d', 'tls.clientCertificate=required'],
    ]
      .map((setting) => `sources.mqttServer.${setting}`)
      .concat('http.tokenFile=token', 'sources.mqttClient.url=mqtts://127.0.0.1:1')
      .concat('sources.mqttClient.passwordFile=secret', 'sources.mqttClient.tls.ca=e'),
    cwd,
  )

  assert.match(stderr, /can’t start, for 9 reasons:\n/)
  for (const [setting, file] of [
    ...[
      ['passwordFile', 'users'],
      ['aclFile', 'rules.yaml'],
      ['tls.cert', 'a'],
      ['tls.key', 'b'],
    ],
    ...[
      ['tls.ca', 'c'],
      ['tls.crl', 'd'],
    ],
  ]) {
    const line = `  sources.mqttServer.${setting}: can’t read ${join(cwd, file ?? '')}: there is no such file`
    assert.ok(stderr.includes(line), line)
  }
  assert.match(stderr, /sources\.mqttClient\.passwordFile: can’t read \/.*\/secret: /)
  assert.match(stderr, /sources\.mqttClient\.tls\.ca: can’t read \/.*\/e: /)
  assert.match(stderr, /http\.tokenFile: can’t read \/.*\/token: /)
  assert.deepEqual(await readdir(cwd), [], 'nothing was created')
})

test('a key that does not belong to the certificate is refused', {
  skip: skipWithoutOpenssl,
}, async (t) => {
  const certificates = makeCertificates(t)
  const cwd = await temporaryDirectory(t)

  const stderr = await refusal(
    t,
    [
      'sources.mqttServer.tls.port=0',
      `sources.mqttServer.tls.cert=${certificates.path('broker.crt')}`,
      `sources.mqttServer.tls.key=${certificates.path('connector.key')}`,
    ],
    cwd,
  )

  assert.match(
    stderr,
    /sources\.mqttServer\.tls: .* can’t be used together: the key does not belong to the certificate/,
  )
})

test('addresses that others can reach need authentication', async (t) => {
  const cwd = await temporaryDirectory(t)

  const stderr = await refusal(t, ['sources.mqttServer.host=0.0.0.0', 'http.host=0.0.0.0'], cwd)

  assert.match(stderr, /sources\.mqttServer\.host: 0\.0\.0\.0 can be reached from other machines/)
  assert.match(stderr, /http\.host is 0\.0\.0\.0: anyone who reaches this address/)
  assert.deepEqual(await readdir(cwd), [])
})

test('ports in use are named with their settings; --while-running accepts them', async (t) => {
  const cwd = await temporaryDirectory(t)
  const taken = [`sources.mqttServer.port=${await takenPort(t)}`, `http.port=${await takenPort(t)}`]

  const stderr = await refusal(t, taken, cwd, 1)
  const running = await runCommand(t, ['check', '--while-running', ...flagsOf(taken)], { cwd })

  assert.match(stderr, /it is in use: .* set another port in sources\.mqttServer\.port$/m)
  assert.match(stderr, /it is in use: .* set another port in http\.port$/m)
  assert.match(stderr, HINT)
  assert.equal(running.code, 0)
})

test('beside a running connector, check names the directory and the ports, and --while-running', async (t) => {
  const cwd = await temporaryDirectory(t)
  const connector = await new ConnectorProcess(t, ['--data', cwd]).started()
  const settings = [
    `sources.mqttServer.port=${new URL(connector.mqttUrl).port}`,
    `http.port=${new URL(connector.httpUrl).port}`,
    `storage.directory=${cwd}`,
  ]

  const stderr = await refusal(t, settings, cwd, 1)
  const running = await runCommand(t, ['check', '--while-running', ...flagsOf(settings)], { cwd })

  assert.match(stderr, /can’t start, for 3 reasons:\n/)
  assert.match(stderr, /storage\.directory: process \d+ on \S+ uses /)
  assert.match(stderr, HINT)
  assert.equal(running.code, 0, running.stderr)
})

test('two settings with the same port are refused before the start', async (t) => {
  const cwd = await temporaryDirectory(t)
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  const port = typeof address === 'object' ? address?.port : undefined
  probe.close()
  await once(probe, 'close')

  const same = [`sources.mqttServer.port=${port}`, `http.port=${port}`]

  const expected = `sources.mqttServer.port and http.port are both ${port}; give each a port of its own`

  const stderr = await refusal(t, same, cwd)
  const running = await runCommand(t, ['check', '--while-running', ...flagsOf(same)], { cwd })

  assert.equal(stderr, `error: ${expected}\n`)
  assert.deepEqual([running.code, running.stderr], [2, stderr])
})

test('a data directory that cannot be used is refused, and left as it is', async (t) => {
  const cwd = await temporaryDirectory(t)
  await writeFile(join(cwd, 'file'), '')
  await mkdir(join(cwd, 'data'))
  await writeFile(join(cwd, 'data', 'channels'), '')

  const file = await refusal(t, ['storage.directory=file'], cwd, 1)
  const below = await refusal(t, ['storage.directory=file/data'], cwd, 1)
  const part = await refusal(t, ['storage.directory=data'], cwd, 1)

  assert.match(
    file,
    /storage\.directory: \/.*\/file is not a directory; remove it, or name another/,
  )
  assert.match(below, /\/file\/data can’t be created: \/.*\/file is not a directory/)
  assert.match(part, /\/data\/channels is not a directory; move it away/)
  assert.deepEqual(await readdir(join(cwd, 'data')), ['channels'])
})

test('check prints what others can read, as run does', async (t) => {
  const cwd = await temporaryDirectory(t)
  await mkdir(join(cwd, 'data'))
  await writeFile(join(cwd, 'users'), '', { mode: 0o644 })
  const flags = flagsOf(['sources.mqttServer.passwordFile=users'])

  const { code, stderr } = await runCommand(t, ['check', ...flags], { cwd })

  assert.equal(code, 0, stderr)
  assert.match(stderr, /Note: sources\.mqttServer\.passwordFile: other users .*chmod go= users/)
  assert.match(stderr, /Note: .*data is open to other users/)
})

test('the certificates of a destination are checked like those of the sources', async (t) => {
  const cwd = await temporaryDirectory(t)
  const tls = 'destinations[0].iotAnalytics.tls'

  const stderr = await refusal(
    t,
    ['destinations=[{iotAnalytics: {region: us-west-2, tls: {ca: x, cert: y, key: z}}}]'],
    cwd,
  )

  assert.match(stderr, /can’t start, for 3 reasons:\n/)
  for (const [setting, file] of Object.entries({ ca: 'x', cert: 'y', key: 'z' })) {
    const line = `  ${tls}.${setting}: can’t read ${join(cwd, file)}: there is no such file\n`
    assert.ok(stderr.includes(line), line)
  }
})

test('an error of the second destination names the second entry of the configuration', async (t) => {
  const cwd = await temporaryDirectory(t)
  const first = '{name: a, iotAnalytics: {region: us-west-2}}'
  const second = '{name: b, iotAnalytics: {region: us-west-2, tls: {ca: x}}}'

  const stderr = await refusal(t, [`destinations=[${first}, ${second}]`], cwd)

  assert.match(stderr, /^error: destinations\[1\]\.iotAnalytics\.tls\.ca: can’t read \/.*\/x: /)
})

test('check prints which secrets of every part others can read', async (t) => {
  const cwd = await temporaryDirectory(t)
  await writeFile(join(cwd, 'secret'), '0123456789abcdef', { mode: 0o644 })
  const settings = [
    ...['sources.mqttServer.port=0', 'sources.mqttClient.url=mqtt://127.0.0.1:1'],
    ...['sources.mqttClient.passwordFile=secret', 'http.tokenFile=secret', 'http.port=0'],
  ]

  const { code, stderr } = await runCommand(t, ['check', ...flagsOf(settings)], { cwd })

  assert.equal(code, 0, stderr)
  for (const setting of ['sources.mqttClient.passwordFile', 'http.tokenFile']) {
    const line = `Note: ${setting}: other users of this machine can read secret; to close it: chmod go= secret`
    assert.ok(stderr.includes(line), stderr)
  }
})

test('check --connect says which destination can be delivered to, and sends no message', async (t) => {
  const fake = await FakeIotAnalytics.start(t)
  fake.trust(null)
  const cwd = await temporaryDirectory(t)
  const flags = flagsOf([
    ...destinationAt(fake.url),
    'destinations[0].iotAnalytics.credentials.anonymous=true',
  ])

  const { code, stderr } = await runCommand(t, ['check', '--connect', ...flags], { cwd })

  assert.match(stderr, /^iotAnalytics can be delivered to: BatchPutMessage to http:/m)
  assert.equal(code, 0)
  assert.deepEqual(fake.received('check'), [])
})

test('check --connect says what is wrong with a destination, also as JSON', async (t) => {
  const fake = await FakeIotAnalytics.start(t)
  fake.trust({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'the right one' })
  const cwd = await temporaryDirectory(t)
  const flags = flagsOf([
    ...destinationAt(fake.url),
    'destinations[0].iotAnalytics.credentials.accessKeyId=AKIDEXAMPLE',
    'destinations[0].iotAnalytics.credentials.secretAccessKey=a wrong one',
  ])

  const text = await runCommand(t, ['check', '--connect', ...flags], { cwd })
  const json = await runCommand(t, ['check', '--connect', '--json', ...flags], { cwd })

  assert.equal(text.stdout, '')
  assert.match(text.stderr, /calling http:.*Check the credentials/s)
  assert.equal(text.code, json.code)
  const { ok, connections } = JSON.parse(json.stdout)
  assert.deepEqual(
    [ok, connections[0].ok, connections[0].code],
    [false, false, 'DestinationDenied'],
  )
})

for (const [what, ...settings] of [
  ['iotAnalytics', 'iotAnalytics.region=us-west-2', 'iotAnalytics.endpoint=http://127.0.0.1:1'],
  ['s3', 's3.bucket=telemetry', 's3.region=us-west-2', 's3.endpoint=http://127.0.0.1:1'],
  [
    'kinesis',
    'kinesis.stream=s',
    'kinesis.region=us-west-2',
    'kinesis.endpoint=http://127.0.0.1:1',
  ],
  ['kafka', 'kafka.topic=t', 'kafka.brokers[0]=127.0.0.1:1'],
  ['postgres', 'postgres.table=t', 'postgres.user=u', 'postgres.host=127.0.0.1', 'postgres.port=1'],
  ['nats', 'nats.stream=s', 'nats.servers[0]=127.0.0.1:1'],
  ['influx', 'influx.database=d', 'influx.api=v1', 'influx.url=http://127.0.0.1:1'],
  ['http', 'http.url=http://127.0.0.1:1'],
] as const) {
  test(`check --connect says that nothing listens at the address of ${what}, and which setting has it`, async (t) => {
    const cwd = await temporaryDirectory(t)
    const flags = flagsOf(settings.map((setting) => `destinations[0].${setting}`))
    const env = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' }

    const { code, stderr } = await runCommand(t, ['check', '--connect', ...flags], { cwd, env })

    assert.match(
      stderr,
      new RegExp(`${what}: .*127.0.0.1:1.* Nothing listens there: start the `, 's'),
    )
    assert.match(stderr, new RegExp(`or correct destinations\\[0\\]\\.${what}\\.`))
    assert.equal(code, 1)
  })
}

function destinationAt(url: string): string[] {
  const place = 'destinations[0].iotAnalytics'
  return [`${place}.endpoint=${url}`, `${place}.region=us-west-2`]
}
