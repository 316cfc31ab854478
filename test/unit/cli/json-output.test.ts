/** What `--json` prints, for programs that run the commands. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startServer } from '../../support/mqtt/mqtt-server-under-test.ts'
import { RecordingIntake } from '../../support/mqtt/recording-intake.ts'
import { runCommand } from '../../support/processes/command-line.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

const FREE = ['--set', 'sources.mqttServer.port=0', '--set', 'http.port=0']

test('check --json prints the configuration with units and without secrets', async (t) => {
  const cwd = await temporaryDirectory(t)
  const token = ['--set', 'http.token=a-secret-token-of-30-letters']

  const { code, stdout, stderr } = await runCommand(t, ['check', '--json', ...FREE, ...token], {
    cwd,
  })

  const { ok, problems, notices, config } = JSON.parse(stdout)
  assert.deepEqual([code, stderr, ok, problems, notices], [0, '', true, [], []])
  assert.equal(config.storage.maxBytes, '1GiB')
  assert.equal(config.http.token, '********')
})

test('check --json lists every problem with its code, and has the same exit codes', async (t) => {
  const cwd = await temporaryDirectory(t)
  const files = ['passwordFile', 'aclFile'].flatMap((setting) => [
    '--set',
    `sources.mqttServer.${setting}=none`,
  ])

  const missing = await runCommand(t, ['check', '--json', ...FREE, ...files], { cwd })
  const unknown = await runCommand(t, ['check', '--json', '--set', 'http.prot=1'], { cwd })

  const { ok, problems } = JSON.parse(missing.stdout)
  assert.deepEqual([missing.code, missing.stderr, ok], [2, '', false])
  assert.deepEqual(
    problems.map(({ code }: { code: string }) => code),
    ['InvalidConfiguration', 'InvalidConfiguration'],
  )
  assert.equal(unknown.code, 2)
  assert.match(JSON.parse(unknown.stdout).problems[0].message, /did you mean http\.port/)
})

test('publish --json counts acknowledgements, refusals by reason code, and receipts', async (t) => {
  const intake = new RecordingIntake({
    commitsAtOnce: true,
    refuse: (_topic, payload) =>
      payload.includes('full') ? { error: 'StorageFull', message: 'no room' } : undefined,
  })
  const { port } = await startServer(t, { intake })
  const args = ['publish', 'c', '-', '--binary', '--json', '--url', `mqtt://127.0.0.1:${port}`]
  const waiting = ['--receipts', '--timeout', '50ms']

  const { code, stdout } = await runCommand(t, args, { input: 'fine\nfull' })
  const receipts = await runCommand(t, [...args, ...waiting], { input: 'fine' })

  const { seconds, ...summary } = JSON.parse(stdout)
  assert.equal(code, 1)
  assert.equal(typeof seconds, 'number')
  assert.deepEqual(summary, {
    published: 2,
    acknowledged: 1,
    refused: [{ reasonCode: '0x97', reason: 'no room', count: 1 }],
  })
  assert.deepEqual(JSON.parse(receipts.stdout).receipts, { success: 0, fail: [], missing: 1 })
})
