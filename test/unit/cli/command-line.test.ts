/** The program as a user meets it: help, errors, exit codes. */
import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { temporaryFile } from '../../support/disk/temporary-file.ts'
import { runCommand } from '../../support/processes/command-line.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

const examples = join(import.meta.dirname, '..', '..', '..', '..', 'examples')

test('--help says what there is, by example, and which exit codes', async (t) => {
  const { code, stdout, stderr } = await runCommand(t, ['--help'])

  assert.equal(code, 0)
  assert.equal(stderr, '')
  for (const part of ['Usage:', 'Examples:', 'Exit codes:', 'run', 'check', 'publish', 'tail']) {
    assert(stdout.includes(part), part)
  }
})

test('every command has a help with examples and exit codes', async (t) => {
  const commands = ['run', 'init', 'check', 'publish', 'tail', 'status', 'top', 'completion']
  const helps = await Promise.all(commands.map((name) => runCommand(t, [name, '--help'])))

  for (const [index, { code, stdout }] of helps.entries()) {
    assert.equal(code, 0)
    assert(stdout.startsWith(`Usage: iot-analytics-connector ${commands[index]}`))
    for (const part of ['Examples:', 'Exit codes:', '--config', '--set']) {
      assert(stdout.includes(part), `${commands[index]}: ${part}`)
    }
  }
})

test('help shows the name that the program was called by', async (t) => {
  const directory = await temporaryDirectory(t)
  const script = join(directory, 'iotac')
  symlinkSync(join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.js'), script)

  const { stdout } = await runCommand(t, ['tail', '--help'], { script })

  assert.match(stdout, /^Usage: iotac tail /)
})

test('--version gives the package’s version', async (t) => {
  assert.match((await runCommand(t, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
})

const USAGE_ERRORS: readonly (readonly [readonly string[], string])[] = [
  [['chek'], 'error: unknown command chek; did you mean check?\n'],
  [
    ['dead-letters', '--since', 'earliest'],
    "error: option '--since <time>' argument 'earliest' is invalid. Expected a time such as 2026-01-31T12:00:00Z, or 15m for 15 minutes ago.\n",
  ],
  [
    ['dead-letters', '--since', 'Jan 31 2026'],
    "error: option '--since <time>' argument 'Jan 31 2026' is invalid. Expected a time such as 2026-01-31T12:00:00Z, or 15m for 15 minutes ago.\n",
  ],
  [
    ['frobnicate'],
    'error: unknown command frobnicate; expected one of run, init, check, publish, tail, status, top, dead-letters, replay, retry, why, doctor, export, query, pipeline-failures, apply, import, passwd, greengrass, completion\n',
  ],
  [['help', 'chek'], 'error: unknown command chek; did you mean check?\n'],
  [['run', 'extra'], 'error: run takes no arguments, got extra\n'],
  [
    ['tail', 'c', '--url', 'mqtt://x'],
    'error: --url mqtt://x: expected a URL such as http://host:8090\n',
  ],
  [
    ['publish', 'c', 'm', '--cert', 'x'],
    'error: --cert and --key go together: set both or neither\n',
  ],
  [['check', '--confg', 'x'], "error: unknown option '--confg'\n(Did you mean --config?)\n"],
  [['publish'], 'error: missing the channel to publish to, or --topic\n'],
  [['publish', 'c', 'm', '--file', 'f'], 'error: give a message or --file, not both\n'],
  [
    ['publish', 'c', '--count', '0'],
    "error: option '--count <n>' argument '0' is invalid. Expected a whole number from 1 to 1000000000.\n",
  ],
  [
    ['publish', 'c', 'm', '--url', 'http://x'],
    'error: --url http://x: expected a URL such as mqtt://host:1883\n',
  ],
  [['tail'], "error: missing required argument 'channel'\n"],
  [
    ['tail', 'my-channel'],
    'error: my-channel is not a channel name: 1 to 128 of A-Z a-z 0-9 _, not beginning with two underscores\n',
  ],
  [
    ['tail', 'c', '--from', 'yesterday'],
    "error: option '--from <point>' argument 'yesterday' is invalid. Expected earliest, now, an offset, a time such as 2026-01-31T12:00:00Z, or 15m for 15 minutes ago.\n",
  ],
  [
    ['tail', 'c', '--where', 'temp>'],
    "error: option '--where <condition>' argument 'temp>' is invalid. Expected a value after >, such as 'temp>30'.\n",
  ],
  [
    ['tail', 'c', '--rate', '10'],
    'error: --rate is for --follow: without it, tail shows all messages and ends\n',
  ],
  [['tail', 'c', '--json', '-o', 'raw'], 'error: --json and --output raw contradict each other\n'],
  [
    ['tail', 'c', '--url', 'nowhere'],
    'error: --url nowhere: expected a URL such as http://host:8090\n',
  ],
  [
    ['tail', 'c', '--set', 'http=false'],
    'error: the configuration has `http: false`; set the connector’s address with --url\n',
  ],
  [['check', '-c', '/no/such'], 'error: Can’t read /no/such: there is no such file\n'],
  [
    ['run', '--set', 'http.prot=1'],
    'error: The configuration has a problem:\n  http.prot (--set): unknown key; did you mean http.port?\n',
  ],
]

for (const [args, expected] of USAGE_ERRORS) {
  test(`\`${args.join(' ')}\` is bad usage: exit code 2 and one plain sentence`, async (t) => {
    const { code, stdout, stderr } = await runCommand(t, args)

    assert.deepEqual({ code, stdout, stderr }, { code: 2, stdout: '', stderr: expected })
  })
}

test('check prints a configuration that check accepts again', async (t) => {
  const first = await runCommand(t, [
    'check',
    '--while-running',
    '-c',
    join(examples, 'forward.yaml'),
  ])
  const file = await temporaryFile(t, 'again.yaml', first.stdout)
  const again = await runCommand(t, ['check', '--while-running', '--config', file])

  const values = (text: string) => text.replaceAll(/ # .*$/gm, '')
  assert.equal(first.code, 0)
  assert.match(first.stdout, /^ {2}PublishRegion: us-west-2 # .*forward\.yaml:3:18$/m)
  assert.match(first.stdout, /^ {2}StatusReports: all # default$/m)
  assert.equal(values(again.stdout), values(first.stdout))
})

test('check of the specification’s connector definition', async (t) => {
  const file = join(examples, 'connector-definition.json')
  const { code, stdout, stderr } = await runCommand(t, [
    'check',
    '--while-running',
    '--connector-definition',
    file,
  ])

  assert.equal(code, 0)
  assert.match(stdout, /IotAnalyticsQueueSizePerChannel: 1028 # .*connector-definition\.json:12:/)
  assert.match(stderr, /^Note: Messages stay in the local store: .*\n$/)
})

test('check says what to know about a destination that is AWS, apart from the output', async (t) => {
  const args = [
    'check',
    '--while-running',
    '--set',
    'destinations[0].iotAnalytics.region=us-west-1',
  ]
  const { code, stdout, stderr } = await runCommand(t, args)

  assert.equal(code, 0)
  assert(!stdout.includes('Note'))
  assert.match(stderr, /shut down IoT Analytics on 2025-12-15/)
  assert.match(stderr, /iotanalytics:BatchPutMessage on arn:aws:iotanalytics:us-west-1:/)
  assert.match(stderr, /never offered IoT Analytics in us-west-1/)
})

test('./iot-analytics-connector.yaml is read when it is there and no other is named', async (t) => {
  const file = await temporaryFile(t, 'iot-analytics-connector.yaml', 'http: { port: 4711 }')
  const { stdout } = await runCommand(t, ['check', '--while-running'], { cwd: dirname(file) })

  assert.match(stdout, /port: 4711 # iot-analytics-connector\.yaml:1:15/)
})

test('the file may be named by the environment', async (t) => {
  const env = { IOT_ANALYTICS_CONNECTOR_CONFIG: join(examples, 'in-memory.yaml') }
  const { stdout } = await runCommand(t, ['check', '--while-running'], { env })

  assert.match(stdout, /durability: memory/)
})

test('a connector that does not run is reported in a sentence, with exit code 1', async (t) => {
  const args = ['--set', 'http.port=1', '--set', 'sources.mqttServer.port=1']
  const [tail, publish] = await Promise.all([
    runCommand(t, ['tail', 'c', ...args]),
    runCommand(t, ['publish', 'c', 'm', ...args]),
  ])

  assert.equal(tail.code, 1)
  assert.match(
    tail.stderr,
    /^error: Can’t read from the connector at http:\/\/127\.0\.0\.1:1: .*\n$/,
  )
  assert.equal(publish.code, 1)
  assert.match(
    publish.stderr,
    /^error: Can’t connect to mqtt:\/\/127\.0\.0\.1:1: ECONNREFUSED.*\n$/,
  )
})
