/** `status` against a small server with the operator's API. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import {
  channelRowOf,
  FakeOperator,
  overviewOf,
  troubledOverview,
} from '../../support/http/fake-operator.ts'
import { RunningCommand, runCommand } from '../../support/processes/command-line.ts'
import { until } from '../../support/until.ts'

const UTC = { TZ: 'UTC' }

test('status shows the verdict, the figures and the way of the messages on one screen', async (t) => {
  const operator = await new FakeOperator().open(t)
  operator.overview = troubledOverview()

  const { code, stdout, stderr } = await runCommand(t, ['status', '--url', operator.url], {
    env: UTC,
  })

  assert.equal(stderr, '')
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'gateway-7  0.1.0, up 3 d 4 h',
    'ATTENTION  aws away for 2 h 10 min. Nothing is lost. 41 h left until storage.maxBytes.',
    '  aws doesn’t take messages of 1 channel: connection refused.',
    '',
    'in            1,204/s   stored 1,204/s   delivered 0/s',
    'waiting       9.4 M, the oldest for 2 h 10 min; gone in about 6 min',
    'outage left   41 h until storage.maxBytes (line_1)',
    'lost          none in the last hour, 312 in all, most of them QueueFull',
    'dead letters  3',
    'disk          [####------] 1.9 of 4 GB, 1.1 GB of it history; 20 GB free',
    'memory        [#---------] 96 of 512 MB; process 210 MB',
    '',
    'SOURCE      STATE           IN  CLIENTS',
    'mqttServer  listening  1,204/s      212  mqtt://0.0.0.0:1883',
    '',
    'CHANNEL       IN  OUT  WAITING      OLDEST  OUTAGE LEFT  LOST',
    'line_1   1,100/s  0/s    9.4 M  2 h 10 min         41 h   312',
    'alarms       4/s  4/s        0           -            -     0',
    'and 31 more, 100/s in',
    '',
    'DESTINATION  STATE     OUT  WAITING  LAST SUCCESS',
    'aws          retrying  0/s    9.4 M      07:21:03  for 2 h 10 min, next try in 14 s: connection refused 10.1.0.4:443',
  ])
  assert.equal(code, 3)
})

test('exit code 0 says that all is well, 3 that it is not, 1 that nobody answered', async (t) => {
  const operator = await new FakeOperator().open(t)
  const args = ['status', '--url', operator.url]

  const well = await runCommand(t, args)
  operator.overview = overviewOf({ verdict: { ...operator.overview.verdict, level: 'critical' } })
  const critical = await runCommand(t, args)
  await operator.close()
  const gone = await runCommand(t, args)

  assert.deepEqual([well.code, critical.code, gone.code], [0, 3, 1])
  assert.match(well.stdout, /^OK {2}Everything works\.$/m)
  assert.match(critical.stdout, /^CRITICAL {2}Everything works\.$/m)
  assert.match(gone.stderr, /^error: Can’t read from the connector at .*Start it with /)
})

test('status --ready asks only whether messages can be stored', async (t) => {
  const operator = await new FakeOperator().open(t)
  const args = ['status', '--ready', '--url', operator.url]

  operator.overview = troubledOverview()
  const away = await runCommand(t, args)
  operator.overview = { ...troubledOverview(), ready: false }
  const full = await runCommand(t, args)

  assert.deepEqual([away.code, full.code], [0, 3])
})

test('status --json prints the overview as the API has it, with the same exit codes', async (t) => {
  const operator = await new FakeOperator().open(t)
  operator.overview = troubledOverview()

  const { code, stdout } = await runCommand(t, ['status', '--json', '--url', operator.url])

  assert.deepEqual(JSON.parse(stdout), operator.overview)
  assert.equal(code, 3)
})

test('status --wait waits until the connector answers and all is well', async (t) => {
  const operator = await new FakeOperator().open(t)
  operator.isThere = false
  const command = new RunningCommand(t, ['status', '--wait', '60', '--url', operator.url])

  await until('it has asked', () => operator.asked > 0)
  operator.overview = troubledOverview()
  operator.isThere = true
  const before = operator.asked
  await until('it has got a bad answer', () => operator.asked > before + 1)
  operator.overview = overviewOf()
  const { code, stdout } = await command.ends()

  assert.equal(code, 0)
  assert.match(stdout, /^OK {2}Everything works\.$/m)
})

test('status --wait ends with the last answer when its time is over', async (t) => {
  const operator = await new FakeOperator().open(t)
  operator.overview = troubledOverview()

  const { code } = await runCommand(t, ['status', '--wait', '20ms', '--url', operator.url])

  assert.equal(code, 3)
  assert.ok(operator.asked >= 2)
})

test('status --wait ends at once when the connector refuses the token', async (t) => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    const body = { error: 'NotAuthorized', message: 'The token is wrong, or it was revoked.' }
    response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo

  const { code, stderr } = await runCommand(t, [
    ...['status', '--wait', '600'],
    ...['--url', `http://127.0.0.1:${port}`],
  ])

  assert.equal(code, 1)
  assert.match(stderr, /answered 401: The token is wrong, or it was revoked/)
  assert.equal(asked, 1)
})

test('a connector without messages is shown with what it refused last', async (t) => {
  const operator = await new FakeOperator().open(t)
  operator.overview = overviewOf({
    lastRefusal: { at: operator.overview.now, who: '10.0.0.7', reason: 'user unknown' },
  })

  const { stdout } = await runCommand(t, ['status', '--url', operator.url])

  assert.match(
    stdout,
    /^waiting +0; no message has come yet. Refused last: 10.0.0.7: user unknown$/m,
  )
  assert.match(stdout, /^lost +none$/m)
  assert.match(stdout, /^outage left +-$/m)
})

test('hostile names and texts cannot steer the terminal', async (t) => {
  const operator = await new FakeOperator().open(t)
  const hostile = 'x\u001B[2J\u202Ey\u0007'
  operator.overview = overviewOf({
    instance: hostile,
    verdict: { ...operator.overview.verdict, text: hostile, summary: hostile, problems: [hostile] },
    channels: [channelRowOf(hostile)],
    lastRefusal: { at: operator.overview.now, who: hostile, reason: hostile },
  })
  const args = ['status', '--url', operator.url]

  const text = await runCommand(t, args)
  const json = await runCommand(t, [...args, '--json'])

  for (const { stdout } of [text, json]) assert.doesNotMatch(stdout, /[^\P{Cc}\n]|\p{Cf}/u)
  assert.equal(JSON.parse(json.stdout).instance, hostile)
})

test('an answer of another kind is reported in a sentence', async (t) => {
  const operator = await new FakeOperator().open(t)
  Object.assign(operator, { overview: { verdict: 'fine' } })

  const { code, stderr } = await runCommand(t, ['status', '--url', operator.url])

  assert.equal(code, 1)
  assert.match(stderr, /with something else than expected\. Is it of another version/)
})

test('what a newer connector says beyond this version is no reason to fail', async (t) => {
  const operator = await new FakeOperator().open(t)
  Object.assign(operator.overview, { weather: 'fine' })

  const { code } = await runCommand(t, ['status', '--url', operator.url])

  assert.equal(code, 0)
})
