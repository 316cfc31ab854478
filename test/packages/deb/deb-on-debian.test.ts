/** The Debian package in a Debian of its own, with its systemd, from installation to purge. */
import assert from 'node:assert/strict'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ran, repository } from '../../support/processes/package-sources.ts'
import { skipWithout } from '../../support/processes/real-peers.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'
import { buildDeb } from './built-deb.ts'
import { bootDebian, skipWithoutDebian } from './debian-container.ts'

const skip = skipWithout('dpkg', 'debhelper') || skipWithoutDebian()
const TRIAL = join(repository, 'test', 'packages', 'deb', 'trial.sh')

test('in a Debian of its own the package is installed, used, watched, upgraded, removed and purged', {
  skip: skip,
}, async (t) => {
  const trial = await temporaryDirectory(t)
  cpSync(TRIAL, join(trial, 'trial.sh'))
  const directory = await temporaryDirectory(t)
  const deb = buildDeb(join(directory, 'built'))
  cpSync(deb, join(trial, 'first.deb'))
  newerPackage(deb, join(directory, 'unpacked'), join(trial, 'second.deb'))

  await bootDebian(t, trial)

  const found = readFileSync(join(trial, 'found'), 'utf8')
  const log = readFileSync(join(trial, 'log'), 'utf8')
  assert.equal(found, FOUND, log)
})

/** The same with a higher version. */
function newerPackage(deb: string, unpacked: string, file: string): void {
  assert.equal(ran('dpkg-deb', ['--raw-extract', deb, unpacked]).code, 0)
  const control = join(unpacked, 'DEBIAN', 'control')
  const text = readFileSync(control, 'utf8').replace(/^Version: .*$/m, 'Version: 99.0')
  writeFileSync(control, text)
  assert.equal(ran('dpkg-deb', ['--root-owner-group', '--build', unpacked, file]).code, 0)
}

const FOUND = `\
installed: active, enabled: enabled, reports: Messages are taken, stored and delivered.
user is root: no
data: 700
messages: 1
check: 0
dashboard: 1
manual page: there
reloaded: active, 0 restarts
watchdog: 1 restart, messages: 1
kill -9: 2 restarts, messages: 1
upgraded: 99.0, active, messages: 1
configuration: # changed here
faulty configuration: failed, exit code 2, 0 restarts
removed: gone, data: kept
purged /var/lib/iot-analytics-connector: gone
purged /var/lib/private/iot-analytics-connector: gone
purged /etc/iot-analytics-connector: gone
purged /usr/lib/iot-analytics-connector: gone
end
`
