/** `init` as a person meets it: in a pipe, and in a terminal. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCommand } from '../../../support/processes/command-line.ts'
import { skipWithout } from '../../../support/processes/real-peers.ts'
import { temporaryDirectory } from '../../../support/processes/running-connector.ts'
import { Terminal } from '../../../support/processes/tmux.ts'

const MAIN = join(import.meta.dirname, '..', '..', '..', '..', 'src', 'cli', 'main.js')
const FILE = 'iot-analytics-connector.yaml'
/** Ports that other programs of this machine may have are checked too. */
const FREE = {
  IOT_ANALYTICS_CONNECTOR__HTTP__PORT: '0',
  IOT_ANALYTICS_CONNECTOR__SOURCES__MQTT_SERVER__PORT: '0',
}
const skip = skipWithout('tmux')

test('init --yes writes a file, checks it and names the next command', async (t) => {
  const cwd = await temporaryDirectory(t)

  const { code, stdout, stderr } = await runCommand(t, ['init', '--yes'], { cwd, env: FREE })

  assert.equal(code, 0, stderr)
  assert.match(stdout, /^Wrote iot-analytics-connector\.yaml\.\ncheck: the connector can start/)
  assert.match(stdout, /^ {2}\$ iot-analytics-connector run$/m)
  assert.match(readFileSync(join(cwd, FILE), 'utf8'), /^ {4}host: 127\.0\.0\.1$/m)
})

test('init never replaces a file without asking', async (t) => {
  const cwd = await temporaryDirectory(t)
  writeFileSync(join(cwd, FILE), 'mine')

  const { code, stderr } = await runCommand(t, ['init', '--yes'], { cwd })

  assert.equal(code, 2)
  assert.match(
    stderr,
    /^error: iot-analytics-connector\.yaml exists, and init --yes replaces nothing/,
  )
  assert.equal(readFileSync(join(cwd, FILE), 'utf8'), 'mine')
})

test('init in a pipe asks nothing and says what to do', async (t) => {
  const cwd = await temporaryDirectory(t)

  const { code, stderr } = await runCommand(t, ['init'], { cwd, input: '\n\n\n' })

  assert.equal(code, 2)
  assert.match(stderr, /is not a terminal; use init --yes for the defaults\n$/)
  assert.equal(existsSync(join(cwd, FILE)), false)
})

test('a directory that is not there is reported in a sentence', async (t) => {
  const cwd = await temporaryDirectory(t)

  const { code, stderr } = await runCommand(t, ['init', '--yes', '-c', 'none/x.yaml'], { cwd })

  assert.equal(code, 1)
  assert.match(stderr, /^error: Can’t write none\/x\.yaml: /)
})

async function terminalIn(t: TestContext, cwd: string): Promise<Terminal> {
  const terminal = await Terminal.open(t, { env: FREE, rows: 60 })
  await terminal.enter(`cd '${cwd}'; connector() { '${process.execPath}' '${MAIN}' "$@"; }; clear`)
  return terminal
}

test('init asks six questions, and Enter takes what it proposes', { skip }, async (t) => {
  const cwd = await temporaryDirectory(t)
  const terminal = await terminalIn(t, cwd)
  await terminal.enter('connector init; echo code "$?"')

  await terminal.shows(/Where do messages come from\?/)
  await terminal.press('Down', 'Enter')
  await terminal.shows(/Which other topics have messages\?/)
  await terminal.enter('factory/+x')
  await terminal.shows(/expected \+ only as a whole level/)
  await terminal.press('BSpace', 'Enter')
  await terminal.shows(/Where do messages go\?/)
  await terminal.press('Enter')
  await terminal.shows(/In which directory is the store\?/)
  await terminal.press('Enter')
  await terminal.shows(/How large may it become\?/)
  await terminal.press('Enter')
  await terminal.shows(/How long are readings kept/)
  await terminal.press('Enter')
  await terminal.shows(/^code 0$/m)

  const text = readFileSync(join(cwd, FILE), 'utf8')
  assert.match(text, /^ {2}- factory\/\+$/m)
  assert.match(text, /^ {4}host: 0\.0\.0\.0$/m)
  assert.match(await terminal.text(), /passwd mqtt-users pump-1/)
  assert.equal(statSync(join(cwd, 'mqtt-users')).mode & 0o777, 0o600)
})

test('Ctrl-C in a question writes nothing', { skip }, async (t) => {
  const cwd = await temporaryDirectory(t)
  const terminal = await terminalIn(t, cwd)
  await terminal.enter('connector init; echo code "$?"')
  await terminal.shows(/Where do messages come from\?/)

  await terminal.press('C-c')
  await terminal.shows(/^error: stopped; nothing was written$/m)
  await terminal.shows(/^code 2$/m)

  assert.equal(existsSync(join(cwd, FILE)), false)
})

test('a file that exists is replaced only after a question', { skip }, async (t) => {
  const cwd = await temporaryDirectory(t)
  writeFileSync(join(cwd, FILE), 'mine')
  const terminal = await terminalIn(t, cwd)
  await terminal.enter('connector init; echo code "$?"')

  await terminal.shows(/iot-analytics-connector\.yaml exists\. Replace it\?/)
  await terminal.press('Enter')
  await terminal.shows(/^code 2$/m)

  assert.equal(readFileSync(join(cwd, FILE), 'utf8'), 'mine')
})
