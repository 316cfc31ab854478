/** The Debian package, built twice and checked. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadConfig } from '../../../src/config/load.ts'
import { VERSION } from '../../../src/version.ts'
import { ran, repository } from '../../support/processes/package-sources.ts'
import { commandOf, skipWithout } from '../../support/processes/real-peers.ts'
import { buildDeb } from './built-deb.ts'

const skip = skipWithout('dpkg', 'debhelper')
const skipLintian = skip || skipWithout('lintian')
const directory = mkdtempSync(join(tmpdir(), 'deb-'))
let deb = ''

before(() => {
  if (skip === false) deb = buildDeb(join(directory, 'first'))
})

after(() => rmSync(directory, { recursive: true, force: true }))

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

test('the same sources make the same Debian package, byte for byte', { skip }, (t) => {
  const again = buildDeb(join(directory, 'second'))

  t.diagnostic(`${readFileSync(deb).length} bytes`)
  assert.equal(sha256(again), sha256(deb))
})

test('lintian finds nothing wrong with the Debian package', { skip: skipLintian }, () => {
  const args = ['--allow-root', '--fail-on', 'error,warning,info', deb]
  const { code, output } = ran(commandOf('lintian'), args)

  assert.deepEqual({ code, output }, { code: 0, output: '' })
})

test('the Debian package has the program, its unit, its manual page, and the dashboard', {
  skip,
}, () => {
  const { stdout } = ran('dpkg-deb', ['--contents', deb])

  const about = ran('dpkg-deb', ['--field', deb, 'Version', 'Architecture', 'Depends']).stdout
  assert.equal(about, `Version: ${VERSION}\nArchitecture: all\nDepends: nodejs (>= 20.19)\n`)
  assert.ok(stdout.split('\n').every((line) => line === '' || line.includes(' root/root ')))
  const expected = [
    '/usr/bin/iot-analytics-connector',
    '/usr/bin/iotac -> iot-analytics-connector',
    'systemd/system/iot-analytics-connector.service',
    '/usr/share/man/man1/iot-analytics-connector.1.gz',
    '/usr/lib/iot-analytics-connector/program/main.js',
    '/usr/share/bash-completion/completions/iotac -> iot-analytics-connector',
    '/usr/lib/iot-analytics-connector/dashboard/index.html.gz',
  ]
  for (const path of expected) assert.ok(stdout.includes(path), path)
  assert.doesNotMatch(stdout, /\.map$/m)
})

test('the configuration that the Debian package brings is valid', async () => {
  const file = join(repository, 'packaging', 'debian', 'connector.yaml')
  const { config } = await loadConfig({ file, environment: {} })

  assert.equal(config.storage.directory, '/var/lib/iot-analytics-connector')
})
