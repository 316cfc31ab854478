/** Where `run` reports its start and stop: in the log, in the banner, on a terminal. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { RunningCommand } from '../../support/processes/command-line.ts'
import { runInTerminal } from '../../support/processes/in-terminal.ts'
import { skipWithout } from '../../support/processes/real-peers.ts'
import { until } from '../../support/until.ts'

const script = join(import.meta.dirname, '..', '..', 'support', 'processes', 'fake-main.js')

function start(t: TestContext, args: readonly string[], mode = ''): RunningCommand {
  return new RunningCommand(t, ['run', ...args], { script, env: { FAKE_MODE: mode } })
}

/** What it has written from its start to its stop. */
async function outputOf(t: TestContext, args: readonly string[], mode = '') {
  const command = start(t, args, mode)
  await until('it has started', () => command.stderr.includes('started'))
  command.child.kill('SIGTERM')
  return await command.ends()
}

test('start and stop are log events with what is listened on, the directory and what is left', async (t) => {
  const { code, stdout, stderr } = await outputOf(t, ['--data', '/var/lib/connector'])

  const [started, stopping, stopped, ...more] = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual([code, stdout, more], [0, '', []])
  const { time, version, pid, ...facts } = started
  assert.match(time, /^\d{4}-.*Z$/)
  assert.match(version, /^\d+\.\d+\.\d+$/)
  assert.equal(typeof pid, 'number')
  assert.deepEqual(facts, {
    level: 'info',
    event: 'started',
    sources: ['mqtt://127.0.0.1:1884'],
    destinations: [],
    http: 'http://127.0.0.1:8090',
    dataDirectory: '/var/lib/connector',
    channels: 1,
    configuration: [],
    msg: 'started',
  })
  assert.equal(stopping.event, 'stopping')
  assert.deepEqual([stopping.signal, stopping.deadlineMs], ['SIGTERM', 10_000])
  const { event, delivered, kept, lost } = stopped
  assert.deepEqual([event, delivered, kept, lost], ['stopped', 3, 10_000, 0])
})

test('they are lines for people if the log is', async (t) => {
  const { stdout, stderr } = await outputOf(t, ['--set', 'log.format=pretty'])

  assert.equal(stdout, '')
  assert.match(
    stderr,
    /^\d\d:\d\d:\d\d info {2}started .* sources=\["mqtt:\/\/127\.0\.0\.1:1884"\]/,
  )
  assert.match(stderr, /^\d\d:\d\d:\d\d info {2}stopped {2}delivered=3 kept=10000 lost=0$/m)
})

test('a notice about the settings is a warning in the log', async (t) => {
  const destination = 'destinations[0].iotAnalytics.region=us-west-2'

  const { stderr } = await outputOf(t, ['--set', destination])

  const [notice] = stderr.split('\n').map((line) => JSON.parse(line || '{}'))
  assert.deepEqual([notice.level, notice.event], ['warn', 'notices'])
  assert.match(notice.msg, /^AWS shut down IoT Analytics on 2025-12-15/)
})

test('a stop that ends at the deadline is an error in the log', async (t) => {
  const { code, stderr } = await outputOf(t, ['--deadline', '0'], 'slow stop')

  const last = JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '{}')
  assert.equal(code, 1)
  assert.deepEqual([last.level, last.event], ['error', 'stop_deadline_exceeded'])
  assert.match(last.msg, /some files were not written/)
})

test('with --log-level silent, and no terminal, nothing is printed', async (t) => {
  const command = start(t, ['--log-level', 'silent'], 'says up')
  await until('it has started', () => command.stdout.includes('up'))

  command.child.kill('SIGTERM')
  const { code, stdout, stderr } = await command.ends()

  assert.deepEqual([code, stdout, stderr], [0, 'up\n', ''])
})

/** What `run` shows until it is stopped. */
async function terminalOutput(t: TestContext, args: readonly string[]): Promise<string> {
  const program = [process.execPath, script, 'run', ...args]
  const { code, shown } = await runInTerminal(t, program, ['Ctrl-C stops', '"started"'])
  assert.equal(code, 0, shown)
  return shown
}

test('on a terminal the banner takes the place of the log lines; --no-banner takes it away', {
  skip: skipWithout('python3'),
}, async (t) => {
  const usual = await terminalOutput(t, [])
  const json = await terminalOutput(t, ['--no-banner', '--set', 'log.format=json'])

  assert.match(usual, /^iot-analytics-connector \S+ is running/)
  assert.match(usual, /Stopped\. While stopping: delivered 3, kept 10000 for the next start\./)
  assert.doesNotMatch(usual, /info/)
  assert.match(json, /^\{"level":"info".*"event":"started"/)
  assert.doesNotMatch(json, /is running/)
})
