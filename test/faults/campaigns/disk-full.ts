/**
 * A file system that is really full: a small tmpfs, filled by a backlog, drained again and again.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { SmallFileSystem } from '../../support/disk/small-file-system.ts'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { Figures } from '../figures.ts'
import { Rig } from '../rig.ts'
import { healthIs } from './disk-refuses.ts'

const FILE_SYSTEM_BYTES = 2 * 1024 * 1024
const BALLAST_BYTES = 256 * 1024
/** Longer than the pauses of the first probes, which would find any room. */
const IDLE_MS = 4_000
const FILL_PATIENCE_MS = 20_000

export const diskFullCampaign: Campaign = {
  name: 'disk full',
  obstacle: SmallFileSystem.obstacle,
  run,
}

async function run(options: CampaignOptions): Promise<Figures> {
  const disk = await SmallFileSystem.mount(FILE_SYSTEM_BYTES)
  const rig = await Rig.open({
    ...options,
    pauseMs: 0,
    isBulky: true,
    directory: join(disk.directory, 'data'),
    // History is removed when the disk is full, whatever its bound.
    storage: { historyBytes: 64 * 1024 * 1024 },
  })
  rig.oracle.mayRepeatAll = true
  try {
    for (let turn = 0; turn < 2 || rig.hasTime; turn++) {
      await fillAndDrain(rig, disk, turn % 2 === 1)
    }
  } finally {
    await rig.close()
    await disk.unmount()
  }
  return rig.figures
}

async function fillAndDrain(rig: Rig, disk: SmallFileSystem, isKilled: boolean): Promise<void> {
  rig.endpoint.state = 'away'
  if (!isKilled) disk.fillUp(BALLAST_BYTES)
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
  } else {
    await staysFullUntilThereIsRoom(rig, disk)
    rig.publish()
  }
  rig.endpoint.state = 'well'
  // These publishers fill so small a disk faster than it drains: there is room when they stop.
  await rig.quiet()
  const endedAt = performance.now()
  await healthIs(rig, true, 'disk full (tmpfs)')
  rig.noteRecovery(performance.now() - endedAt)
  rig.checkNothingLost(await rig.drain())
  await rig.stop()
}

/** Nothing is delivered or sent: health has to notice both changes without help. */
async function staysFullUntilThereIsRoom(rig: Rig, disk: SmallFileSystem): Promise<void> {
  await fillUpWithPublishers(rig, disk)
  await rig.quiet()
  for (const until = performance.now() + IDLE_MS; performance.now() < until; await delay(50)) {
    const { ready, storage } = await rig.watch.health()
    if (!ready && storage === 'full') continue
    // A slot of the journal has become free. It has its room on the disk already, so messages are
    // stored again. They are checked against the deliveries, as always.
    break
  }
  disk.makeRoom()
  const madeAt = performance.now()
  await healthIs(rig, true, 'room on an idle disk (tmpfs)')
  rig.noteRecovery(performance.now() - madeAt)
  rig.count('disk full and idle (tmpfs)')
}

/** Room gained by removing history and indexes is filled too, until there is no more. */
async function fillUpWithPublishers(rig: Rig, disk: SmallFileSystem): Promise<void> {
  const givesUpAt = performance.now() + FILL_PATIENCE_MS
  for (let idleMs = 0; idleMs < 1_000; ) {
    if (performance.now() > givesUpAt) throw new Error('the disk did not fill up')
    await delay(100)
    const isStill = disk.fillUp() === 0 && !(await rig.watch.health()).ready
    idleMs = isStill ? idleMs + 100 : 0
  }
}
