/**
 * One channel is never delivered while all others are: slots of the journal are used again and
 * again, with the smallest `storage.maxBytes`, and the stuck messages must not hold them up. The
 * process is killed and stopped meanwhile.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { nodeFileLayer } from '../../../src/channels/disk/files/node-file-layer.ts'
import { readJournal } from '../../../src/channels/disk/journal/journal-reading.ts'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { Figures } from '../figures.ts'
import { Rig } from '../rig.ts'

const MAX_BYTES = 4 * 1024 * 1024
const STUCK = 'beta'
/** Slots of the journal used per process: each was used several times. */
const SLOTS_AT_LEAST = 12
const LIVES_AT_LEAST = 2
const WRAP_PATIENCE_MS = 20_000

export const wrapCampaign: Campaign = { name: 'wrap', run }

async function run(options: CampaignOptions): Promise<Figures> {
  const rig = await Rig.open({
    ...options,
    pauseMs: 0,
    slow: { channel: STUCK, pauseMs: 200 },
    storage: { maxBytes: MAX_BYTES, historyBytes: options.seed % 2 === 0 ? 0 : MAX_BYTES / 4 },
  })
  try {
    rig.endpoint.stuckChannel = STUCK
    for (let life = 0; life < LIVES_AT_LEAST || rig.hasTime; life++) {
      await rig.start()
      rig.publish()
      await untilWrapped(rig)
      await (rig.random() < 0.7 ? rig.kill() : rig.stop())
      rig.count('kill or stop with a channel that is stuck')
    }
    rig.endpoint.stuckChannel = undefined
    rig.checkNothingLost(await rig.drain())
  } finally {
    await rig.close()
  }
  return rig.figures
}

async function untilWrapped(rig: Rig): Promise<void> {
  const first = await slotsUsed(rig)
  const givesUpAt = performance.now() + WRAP_PATIENCE_MS
  while ((await slotsUsed(rig)) < first + SLOTS_AT_LEAST) {
    if (performance.now() > givesUpAt) {
      rig.oracle.violated(`wrap: ${await slotsUsed(rig)} slots were used, ${first} before`)
      return
    }
    await delay(50)
  }
  rig.count('journal used again from its start')
}

async function slotsUsed(rig: Rig): Promise<number> {
  return (await readJournal(nodeFileLayer, join(rig.directory, 'journal'))).generation
}
