/** A file system that is really full: a small tmpfs, filled by a backlog, drained again and again. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { Figures } from '../figures.ts'
import { Rig } from '../rig.ts'
import { healthIs } from './disk-refuses.ts'

const FILE_SYSTEM_BYTES = 2 * 1024 * 1024

export const diskFullCampaign: Campaign = { name: 'disk full', obstacle, run }

function obstacle(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return 'only root on Linux can mount a small file system'
  }
  // Root in a container may not be allowed to, either.
  return canMount() ? undefined : 'mounting a tmpfs is not allowed here'
}

function canMount(): boolean {
  const trial = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()])
  return trial.status === 0
}

async function run(options: CampaignOptions): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), 'faults-full-'))
  mounted('mount', '-t', 'tmpfs', '-o', `size=${FILE_SYSTEM_BYTES}`, 'tmpfs', directory)
  const rig = await Rig.open({
    ...options,
    pauseMs: 0,
    isBulky: true,
    directory: join(directory, 'data'),
    // History is given up when the disk is full, whatever its bound.
    storage: { historyBytes: 64 * 1024 * 1024 },
  })
  rig.oracle.mayRepeatAll = true
  try {
    for (let turn = 0; turn === 0 || rig.hasTime; turn++) {
      await fillAndDrain(rig, turn % 2 === 0)
    }
  } finally {
    await rig.close()
    mounted('umount', directory)
    await rm(directory, { recursive: true, force: true })
  }
  return rig.figures
}

async function fillAndDrain(rig: Rig, isKilled: boolean): Promise<void> {
  rig.endpoint.state = 'away'
  await rig.start()
  rig.publish()
  await healthIs(rig, false, 'disk full (tmpfs)')
  rig.count('disk full (tmpfs)')
  await delay(rig.between(0, 300))
  if (isKilled) {
    await rig.kill()
    rig.count('kill -9 with a full disk, and a start on it')
    await rig.start()
    rig.publish()
  }
  rig.endpoint.state = 'well'
  // Publishers this fast fill so small a disk quicker than it drains: there is room when they stop.
  await rig.quiet()
  const endedAt = performance.now()
  await healthIs(rig, true, 'disk full (tmpfs)')
  rig.noteRecovery(performance.now() - endedAt)
  rig.checkNothingLost(await rig.drain())
  await rig.stop()
}

function mounted(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}
