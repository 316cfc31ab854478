/** The single executable: built, run, asked. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { arch } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { VERSION } from '../../src/version.ts'
import { ran, repository } from '../support/processes/package-sources.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const { nodeFolder } = await import(join(repository, 'scripts', 'release', 'executable-node.mjs'))
const skip = existsSync(nodeFolder(arch()))
  ? false
  : 'the Node for executables is missing: node scripts/fetch/node.mjs'

test('the single executable runs without Node, takes a message, and says that it has no DuckDB', {
  skip,
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const script = join(repository, 'scripts', 'build-executable.mjs')
  const built = ran(process.execPath, [script, directory, '--unpacked'])
  assert.equal(built.code, 0, built.output)
  const folder = `iot-analytics-connector-${VERSION}-linux-${arch()}`
  const executable = join(directory, folder, 'iot-analytics-connector')
  const env = { PATH: '/usr/bin:/bin' }

  assert.equal(ran(executable, ['--version'], { cwd: directory }).stdout, `${VERSION}\n`)
  const settings = ['http.port=0', 'sources.mqttServer.port=0'].flatMap((set) => ['--set', set])
  const data = join(directory, 'data')
  const connector = spawn(executable, ['run', '--banner', '--data', data, ...settings], {
    cwd: directory,
    env,
  })
  t.after(() => connector.kill('SIGKILL'))
  let shown = ''
  connector.stdout.on('data', (text) => {
    shown += text
  })
  await until('it runs', () => /Ctrl-C stops it gracefully/.test(shown))
  const address = (pattern: RegExp) => pattern.exec(shown)?.[1] ?? ''
  const http = address(/^ {2}http +(http:\S+)/m)
  const health = await fetch(`${http}/health`)
  assert.equal(health.status, 200)
  if (existsSync(join(repository, 'dashboard'))) {
    assert.match(await (await fetch(`${http}/`)).text(), /<script [^>]*src=/)
  }
  const mqtt = address(/^ {2}listens on +(mqtt:\S+)/m)
  const published = ran(executable, ['publish', 'c', 'a message', '--url', mqtt])
  assert.match(published.output, /1 acknowledged/)
  const query = ran(executable, ['query', 'SELECT 1', '--url', http])
  assert.equal(query.code, 1)
  assert.match(query.output, /DuckDB, which the single executable does not have/)

  connector.kill('SIGTERM')
  const [code] = await once(connector, 'exit')
  assert.equal(code, 0)
})
