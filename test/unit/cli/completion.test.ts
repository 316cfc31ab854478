import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { channelNames } from '../../../src/cli/completion/channel-names.ts'
import { channelRowOf, FakeOperator, overviewOf } from '../../support/http/fake-operator.ts'
import { runCommand } from '../../support/processes/command-line.ts'

/** What a shell is given for the last word. */
async function completed(t: TestContext, ...words: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await runCommand(t, ['complete', '--', ...words])
  assert.deepEqual([code, stderr], [0, ''])
  return stdout
    .trimEnd()
    .split('\n')
    .filter((line) => !/^:\d+$/.test(line))
    .map((line) => line.replace(/\t.*/, ''))
}

test('commands, flags and their values are completed', async (t) => {
  const [commands, flags, values, shells] = await Promise.all([
    completed(t, 'ta'),
    completed(t, 'tail', '--f'),
    completed(t, 'query', '--format', ''),
    completed(t, 'completion', ''),
  ])

  assert.deepEqual(commands, ['tail'])
  assert.deepEqual(flags, ['--from', '--follow', '--field'])
  assert.deepEqual(values, ['table', 'csv', 'jsonl', 'parquet'])
  assert.deepEqual(shells, ['bash', 'zsh', 'fish'])
})

test('names of channels come from the running connector', async (t) => {
  const operator = await new FakeOperator().open(t)
  const channels = ['pumps', 'presses'].map((name) => channelRowOf(name))
  operator.overview = overviewOf({ channels, channelCount: 2 })
  const url = ['--url', operator.url]

  const context = {
    process,
    loadConnector: () => Promise.reject(new Error('it runs already')),
    outputClosed: new AbortController().signal,
  }
  assert.deepEqual(await channelNames(['tail', ...url, 'pu'], context, 30_000), [
    'pumps',
    'presses',
  ])
})

test('without a connector, or with a bad command line, there are no names and no words', async (t) => {
  const gone = ['--url', 'http://127.0.0.1:1']

  assert.deepEqual(await completed(t, 'tail', ...gone, ''), [])
  assert.deepEqual(await completed(t, 'tail', '--url', 'nowhere', ''), [])
  assert.deepEqual(await completed(t, 'tail', '-c', '/no/such', ''), [])
})

test('a connector that hangs is not waited for', async (t) => {
  const operator = await new FakeOperator().open(t)
  operator.isSilent = true

  assert.deepEqual(await completed(t, 'tail', '--url', operator.url, ''), [])
})

test('each shell gets a script for both names of the program', async (t) => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await runCommand(t, ['completion', shell])

    assert.equal(code, 0)
    assert.match(stdout, /iot-analytics-connector complete -- /)
    assert.match(stdout, /iotac complete -- /)
  }
})

test('bash reads its script again without a complaint, and completes without the package bash-completion', {
  skip: spawnSync('bash', ['--version']).error === undefined ? false : 'needs bash',
}, async (t) => {
  const { stdout: script } = await runCommand(t, ['completion', 'bash'])
  const asks = `
    iotac() { printf 'tail\\tshow\\n:4\\n'; }
    COMP_WORDS=(iotac ta) COMP_CWORD=1
    compopt() { :; }
    __iotac_complete
    echo "\${COMPREPLY[*]}"`

  const bash = spawnSync('bash', ['--norc', '-c', `${script}\n${script}\n${asks}`])

  assert.deepEqual([`${bash.stdout}`, `${bash.stderr}`], ['tail\n', ''])
})

test('another shell is a mistake that names those there are', async (t) => {
  const { code, stderr } = await runCommand(t, ['completion', 'tcsh'])

  assert.equal(code, 2)
  assert.match(stderr, /Allowed choices are bash, zsh, fish/)
})
