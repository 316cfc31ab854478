/**
 * Several processes open one directory: one gets it, the others are refused, and nothing is lost.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { Figures } from '../figures.ts'
import { Rig } from '../rig.ts'

export const twoProcessesCampaign: Campaign = { name: 'two processes', run }

async function run(options: CampaignOptions): Promise<Figures> {
  const rig = await Rig.open(options)
  try {
    while (rig.hasTime) {
      await beside(rig)
      await race(rig)
    }
    rig.checkNothingLost(await rig.drain())
  } finally {
    await rig.close()
  }
  return rig.figures
}

/** One process is running, and another one starts. */
async function beside(rig: Rig): Promise<void> {
  await rig.start()
  rig.publish()
  const first = rig.connector
  const second = rig.launch()
  const addresses = await second.started
  if (addresses !== undefined || second.refusal !== 'DirectoryLocked') {
    rig.oracle.violated(`a second process was not refused: ${second.refusal} ${second.stderr}`)
  }
  await second.kill()
  rig.count('second process on the directory')
  await delay(rig.between(0, 200))
  await first.kill()
  await rig.kill()
  rig.count('kill -9 under load')
}

/** Two start at once; the one that has the directory is killed while the other tries. */
async function race(rig: Rig): Promise<void> {
  const processes = [rig.launch(), rig.launch()]
  const started = await Promise.all(processes.map((connector) => connector.started))
  if (started.filter((addresses) => addresses !== undefined).length !== 1) {
    rig.oracle.violated(
      `of two processes ${JSON.stringify(processes.map((connector) => connector.refusal))} refused`,
    )
  }
  await Promise.all(processes.map((connector) => connector.kill()))
  // Messages that the killed process delivered but had no time to record may come again.
  await rig.kill()
  rig.count('two processes at once')
}
