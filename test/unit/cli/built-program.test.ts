/**
 * The program as it is shipped: bundled, away from node_modules. What its parts do is tested
 * elsewhere; here each part that is loaded only when it is needed has to be there.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { createProgram } from '../../../src/cli/program.ts'
import { FAKE_IDENTITY, FakeIotAnalytics } from '../../support/destinations/fake-iot-analytics.ts'
import { temporaryFile } from '../../support/disk/temporary-file.ts'
import { RunningCommand, runCommand } from '../../support/processes/command-line.ts'
import { ConnectorProcess, sendingTo } from '../../support/processes/connector-process.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

const root = join(import.meta.dirname, '..', '..', '..', '..')
const directory = await mkdtemp(join(tmpdir(), 'built-program-'))
const script = join(directory, 'main.js')
const { accessKeyId, secretAccessKey } = FAKE_IDENTITY

before(async () => {
  const build = join(root, 'scripts', 'build-program.mjs')
  await promisify(execFile)(process.execPath, [build, directory])
})

after(() => rm(directory, { recursive: true, force: true }))

test('it has every command, with its whole help', async (t) => {
  const program = createProgram({
    process,
    loadConnector: () => Promise.reject(new Error('only names are asked for')),
    outputClosed: new AbortController().signal,
  })
  const names = program.commands.map((command) => command.name())

  const helps = await Promise.all(names.map((name) => runCommand(t, [name, '--help'], { script })))

  for (const [index, { code, stdout, stderr }] of helps.entries()) {
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    assert.ok(stdout.startsWith(`Usage: iot-analytics-connector ${names[index]}`), stdout)
    assert.match(stdout, /^Exit codes:/m)
  }
})

test('check reads YAML, and --version is the package’s', async (t) => {
  const config = join(root, 'examples', 'forward.yaml')
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))

  const [checked, asked] = await Promise.all([
    runCommand(t, ['check', '--while-running', '--config', config], { script }),
    runCommand(t, ['--version'], { script }),
  ])

  assert.match(checked.stdout, /^ {2}PublishRegion: us-west-2 # /m)
  assert.equal(asked.stdout, `${version}\n`)
})

test('run, publish over WebSocket, tail --follow, doctor and export; log lines go to standard error', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const data = await temporaryDirectory(t)
  const connector = await new ConnectorProcess(
    t,
    [
      ...['--data', data, '--log-level', 'debug', ...sendingTo(api, 'us-west-2')],
      ...['--set', 'parameters.PublishInterval=0', '--set', 'sources.mqttServer.webSocket.port=0'],
    ],
    { script },
  ).started()
  const webSocket = /\bws:\/\/\S+/.exec(connector.command.stdout)?.[0] ?? ''

  const follow = [
    'tail',
    'my_channel',
    '--follow',
    '--from',
    'earliest',
    '--url',
    connector.httpUrl,
  ]
  const tail = new RunningCommand(t, follow, { script })
  const message = ['publish', 'my_channel', '{"temp":23.33}', '--id', 'req123', '--receipts']
  const published = await runCommand(t, [...message, '--url', webSocket], { script })
  await tail.says(/id=req123 {2}\{"temp":23\.33\}/)
  connector.signal('SIGTERM')
  const ended = await connector.ends()
  const doctor = await runCommand(t, ['doctor', '--data', data], { script })
  const exported = await runCommand(t, ['export', 'my_channel', '--data', data], { script })

  assert.equal(published.stderr, '')
  assert.match(published.stdout, /receipts: 1 success/)
  assert.equal(api.received('my_channel').length, 1)
  assert.deepEqual(api.violations, [])
  assert.equal(ended.code, 0)
  assert.match(ended.stderr, /^\{"level":"/m)
  assert.match(doctor.stdout, /All is well\./)
  assert.equal(JSON.parse(exported.stdout).id, 'req123')
})

test('a subscriber at another broker, with credentials of the environment or of a profile', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const broker = await new ConnectorProcess(t, ['--set', 'storage.durability=memory'], {
    script,
  }).started()
  const profile = await temporaryFile(
    t,
    'credentials',
    `[edge]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
  )
  const sources = `sources={mqttClient: {url: "${broker.mqttUrl}"}}`
  const destination = `destinations=[{iotAnalytics: {endpoint: "${api.url}", region: us-west-2}}]`
  const settings = [sources, destination, 'storage.durability=memory', 'inputs=["plant/#"]']
  const found = {
    by_environment: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    by_profile: { AWS_SHARED_CREDENTIALS_FILE: profile, AWS_PROFILE: 'edge' },
  }
  const channels = Object.keys(found)
  const connectors = Object.entries(found).map(([channel, env]) => {
    const all = [...settings, `parameters.IotAnalyticsDefaultChannelName=${channel}`]
    const args = all.flatMap((setting) => ['--set', setting])
    return new ConnectorProcess(t, args, { script, env, withMqttServer: false }).started()
  })
  await Promise.all(connectors)

  // What is published before a connector has subscribed is not for it.
  while (channels.some((channel) => api.received(channel).length === 0)) {
    const publish = ['publish', '--topic', 'plant/1', '23.33', '--url', broker.mqttUrl]
    await runCommand(t, publish, { script })
  }

  assert.deepEqual(api.violations, [])
})

test('on an older Node one sentence says what is needed', async () => {
  const older = `Object.defineProperty(process,'versions',{value:{...process.versions,node:'18.20.8'}})`
  const args = ['--import', `data:text/javascript,${encodeURIComponent(older)}`, script, 'check']
  const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))

  const ended = await promisify(execFile)(process.execPath, args).catch((error) => error)

  assert.equal(engines.node, '>=20.19')
  assert.equal(ended.code, 2)
  assert.equal(
    ended.stderr,
    'error: iot-analytics-connector needs Node 20.19 or newer; this is Node 18.20.8\n',
  )
})
