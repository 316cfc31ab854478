/**
 * A Debian in a container with a systemd of its own, which starts a script. It has no network, and
 * all that it writes, but for /trial, is gone when it ends.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const debian =
  process.env['DEBIAN_DIRECTORY'] ?? join(homedir(), '.cache', 'iot-analytics-connector', 'debian')
const NSPAWN = '/usr/bin/systemd-nspawn'
const SERVICE = '[Service]\nType=exec\nExecStart=/bin/bash /trial/trial.sh\n'
const OPTIONS = [
  '--quiet',
  '--volatile=overlay',
  '--private-network',
  '--register=no',
  '--keep-unit',
]

/** Why the container cannot run here; false if it can. */
export function skipWithoutDebian(): string | false {
  if (process.getuid?.() !== 0) return 'a container needs root'
  if (!existsSync(NSPAWN)) return 'nspawn is missing: apt-get install systemd-container'
  if (!existsSync(debian)) return 'Debian is missing: node scripts/fetch/debian.mjs'
  const { status, stderr } = spawnSync(NSPAWN, [...OPTIONS, '-D', debian, '/bin/true'])
  return status === 0 ? false : `containers do not work here: ${stderr}`
}

/** Boots it with `trial` as /trial, runs trial.sh there, and resolves when it has powered off. */
export async function bootDebian(t: TestContext, trial: string): Promise<void> {
  const units = join(trial, 'units')
  mkdirSync(join(units, 'multi-user.target.wants'), { recursive: true })
  writeFileSync(join(units, 'trial.service'), SERVICE)
  symlinkSync('../trial.service', join(units, 'multi-user.target.wants', 'trial.service'))
  const binds = [`--bind=${trial}:/trial`, `--bind-ro=${units}:/usr/local/lib/systemd/system`]
  const args = [...OPTIONS, ...binds, '--console=pipe', '-D', debian, '--boot']
  const container = spawn(NSPAWN, args, { stdio: ['ignore', 'ignore', 'ignore'] })
  t.after(() => container.kill('SIGKILL'))
  await once(container, 'exit')
}
