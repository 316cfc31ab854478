/** `run` with its log in a file. */
import assert from 'node:assert/strict'
import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

async function eventsOf(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).event)
}

test('lines of the connector and of run go to the file, which SIGHUP opens again', async (t) => {
  const directory = await temporaryDirectory(t)
  const path = join(directory, 'connector.log')
  const connector = await new ConnectorProcess(t, [
    ...['--set', `storage.directory=${join(directory, 'data')}`],
    ...['--set', `log.file.path=${path}`, '--log-level', 'info'],
  ]).started()
  await until('the start is in the file', async () => (await eventsOf(path)).includes('started'))

  await rename(path, `${path}.1`)
  connector.signal('SIGHUP')
  await until('there is a new file', async () => (await eventsOf(path)).length > 0)
  connector.signal('SIGTERM')
  const { stderr } = await connector.ends()

  assert.equal(stderr, '')
  assert.ok((await eventsOf(`${path}.1`)).includes('started'))
  assert.equal((await eventsOf(path)).at(-1), 'stopped')
})

test('what was logged before kill -9 is in the file', async (t) => {
  const directory = await temporaryDirectory(t)
  const path = join(directory, 'connector.log')
  const connector = await new ConnectorProcess(t, [
    ...['--set', `storage.directory=${join(directory, 'data')}`],
    ...['--set', `log.file.path=${path}`, '--log-level', 'info'],
  ]).started()
  await until('the start is in the file', async () => (await eventsOf(path)).includes('started'))

  await connector.crash()

  assert.ok((await eventsOf(path)).includes('started'))
})

test('check says that the file cannot be written, and run does not start', async (t) => {
  const directory = await temporaryDirectory(t)
  const settings = [
    ...['--set', `storage.directory=${join(directory, 'data')}`, '--set', 'http.port=0'],
    ...['--set', 'sources.mqttServer.port=0', '--set', `log.file.path=${directory}`],
  ]

  const check = await runCommand(t, ['check', ...settings])
  const run = await runCommand(t, ['run', ...settings])

  for (const { code, stderr } of [check, run]) {
    assert.equal(code, 2)
    assert.match(stderr, /log\.file\.path: expected a file that can be written/)
  }
})
