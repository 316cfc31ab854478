// Fetches a small Debian 13 with systemd and Node, once: about 350 MB on disk, from Debian's mirrors.
// Needs root and debootstrap. Without it the test that installs the Debian package is skipped.
// DEBIAN_DIRECTORY names the directory, if it is not to be the default one.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

const MIRROR = 'http://deb.debian.org/debian'
const PACKAGES = ['systemd-sysv', 'dbus', 'nodejs', 'procps', 'curl']

// test/packages/deb/debian-container.ts looks for it there too.
const target =
  process.env['DEBIAN_DIRECTORY'] ?? join(homedir(), '.cache', 'iot-analytics-connector', 'debian')
if (existsSync(target)) process.exit(0)

// Renamed when it is complete: a fetch that was interrupted is repeated.
const made = `${target}.part`
rmSync(made, { recursive: true, force: true })
mkdirSync(dirname(made), { recursive: true })
const options = ['--variant=minbase', `--include=${PACKAGES.join(',')}`]
const { status, error, stdout } = spawnSync('debootstrap', [...options, 'trixie', made, MIRROR], {
  encoding: 'utf8',
})
if (status !== 0) {
  console.error(
    `fetching Debian failed: ${error?.message ?? stdout.split('\n').slice(-5).join('\n')}`,
  )
  process.exit(1)
}
rmSync(join(made, 'var', 'cache', 'apt', 'archives'), { recursive: true, force: true })
renameSync(made, target)
