/** `run` from start to stop, with a fake connector. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from '../../support/disk/disk-stores.ts'
import { RunningCommand } from '../../support/processes/command-line.ts'

const script = join(import.meta.dirname, '..', '..', 'support', 'processes', 'fake-main.js')

function start(t: TestContext, args: readonly string[] = [], mode = ''): RunningCommand {
  const shown = [...args, '--banner', '--log-level', 'silent']
  return new RunningCommand(t, shown, { script, env: { FAKE_MODE: mode } })
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} stops it gracefully, with a report and exit code 0`, async (t) => {
    const command = start(t, ['run', '--deadline', '7'])
    await command.says(/Ctrl-C stops it gracefully/)

    command.child.kill(signal)
    const { code, stdout, stderr } = await command.ends()

    assert.equal(code, 0)
    assert.equal(stderr, '')
    assert(stdout.includes(`${signal}: the intake is stopped; delivering for up to 7s.`))
    assert(stdout.endsWith('Stopped. While stopping: delivered 3, kept 7000 for the next start.\n'))
  })
}

test('--deadline takes a duration with a unit', async (t) => {
  const command = start(t, ['run', '--deadline', '1m'])
  await command.says(/Ctrl-C stops it gracefully/)

  command.child.kill('SIGTERM')
  const { stdout } = await command.ends()

  assert(stdout.includes('delivering for up to 1m.'))
  assert(stdout.endsWith('kept 60000 for the next start.\n'))
})

test('a --deadline that is not a duration, or too long, is an error that says what is expected', async (t) => {
  for (const value of ['soon', '2h', '-1']) {
    const { code, stderr } = await start(t, ['run', `--deadline=${value}`]).ends()

    assert.equal(code, 2)
    assert.match(stderr, /--deadline.*Expected a duration such as 30s or 5m, at most 1h\./)
  }
})

test('run is the default command; what it prints says where things are and what to try', async (t) => {
  const command = start(t, [
    ...['--data', '/var/lib/connector', '--set', 'inputs=[factory/#]'],
    ...['--set', 'parameters.IotAnalyticsDefaultChannelName=mine'],
    ...['--set', 'destinations[0].iotAnalytics.region=us-west-1'],
  ])
  await command.says(/Ctrl-C stops it gracefully/)

  const lines = command.stdout.split('\n')
  assert.match(lines[0] ?? '', /^iot-analytics-connector \d+\.\d+\.\d+ is running$/)
  assert.deepEqual(lines.slice(2, 8), [
    '  listens on    mqtt://127.0.0.1:1884',
    '  sends to      iotAnalytics',
    '  inputs        factory/# → mine',
    '  data          /var/lib/connector (1 channel)',
    '  http          http://127.0.0.1:8090',
    '  configuration defaults',
  ])
  assert.match(command.stdout, /Note: AWS shut down IoT Analytics on 2025-12-15/)
  assert.match(command.stdout, /Note: AWS never offered IoT Analytics in us-west-1/)
  assert.match(
    command.stdout,
    /mosquitto_pub -h 127\.0\.0\.1 -p 1884 -q 1 -t iotanalytics\/channels\/my_channel\/messages\/put -m '\{"request"/,
  )
  assert.match(
    command.stdout,
    /^ {2}node .*fake-main\.js tail my_channel --follow --url http:\/\/127\.0\.0\.1:8090$/m,
  )
  assert.match(command.stdout, /curl http:\/\/127\.0\.0\.1:8090\/health/)
})

test('a second signal ends at once, with exit code 1', async (t) => {
  const command = start(t, [], 'slow stop')
  await command.says(/Ctrl-C stops it gracefully/)

  command.child.kill('SIGTERM')
  await command.says(/Send the signal again to end at once/)
  command.child.kill('SIGINT')

  assert.equal((await command.ends()).code, 1)
})

test('the same signal twice at once, as sudo passes it on, counts once', async (t) => {
  const command = start(t, ['run', '--deadline', '1s'], 'slow stop')
  await command.says(/Ctrl-C stops it gracefully/)

  command.child.kill('SIGTERM')
  await command.says(/Send the signal again to end at once/)
  command.child.kill('SIGTERM')
  const { stdout } = await command.ends()

  assert.match(stdout, /Ended at the deadline/)
})

test('a stop that hangs ends at the deadline, says what was left undone, and has exit code 1', async (t) => {
  const command = start(t, ['run', '--deadline', '0'], 'slow stop')
  await command.says(/Ctrl-C stops it gracefully/)

  command.child.kill('SIGTERM')
  const { code, stdout } = await command.ends()

  assert.equal(code, 1)
  assert.match(stdout, /Ended at the deadline: .* some files were not written/)
})

test('a disk that never answers does not keep the program from ending at the deadline', async (t) => {
  const pipe = join(await temporaryDirectory(t), 'pipe')
  execFileSync('mkfifo', [pipe])
  const command = new RunningCommand(t, ['run', '--banner', '--deadline', '0'], {
    script,
    env: { FAKE_MODE: 'hanging disk', FAKE_PIPE: pipe },
  })
  await command.says(/Ctrl-C stops it gracefully/)

  command.child.kill('SIGTERM')
  const { signal, stdout } = await command.ends()

  assert.equal(signal, 'SIGKILL')
  assert.match(stdout, /Ended at the deadline/)
})

test('messages that were in memory alone are reported as lost', async (t) => {
  const command = start(t, [], 'loses')
  await command.says(/Ctrl-C stops it gracefully/)

  command.child.kill('SIGTERM')

  assert.match((await command.ends()).stdout, /kept 10000 for the next start, lost 2 that were/)
})

test('an address that is in use is reported in a sentence, with exit code 1', async (t) => {
  const { code, stderr } = await start(t, [], 'address in use').ends()

  assert.equal(code, 1)
  assert.equal(stderr, 'error: 127.0.0.1:1883 is taken; choose another port.\n')
})

test('it goes on running when nobody reads its output any more', async (t) => {
  const command = start(t)
  await command.says(/Ctrl-C stops it gracefully/)

  command.child.stdout.destroy()
  command.child.kill('SIGTERM')
  const { code, stderr } = await command.ends()

  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
})

test('SIGHUP has the files read again, and the connector goes on', async (t) => {
  const command = start(t)
  await command.says(/Ctrl-C stops it gracefully/)

  command.child.kill('SIGHUP')

  await command.says(/reloaded/)
  command.child.kill('SIGTERM')
  assert.equal((await command.ends()).code, 0)
})
