/**
 * The program is stopped with SIGTERM while each sync takes long and forty channels have something
 * to write: it has to end in time, whatever it leaves undone, and nothing may be lost.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import { addFigures, type Figures, newFigures } from '../figures.ts'
import { Rig } from '../rig.ts'

const CHANNELS_PER_PUBLISHER = 8
const DEADLINE_MS = 3_000
const TOLERANCE_MS = 1_000
/** What the program is given if it is to be late. */
const SABOTAGED_DEADLINE_MS = 20_000
const SYNCS_MS = [500, 200]

export const slowStopCampaign: Campaign = {
  name: 'slow stop',
  sabotage: 'the program takes more time than it is given',
  run,
}

async function run(options: CampaignOptions): Promise<Figures> {
  const figures = newFigures()
  const endsAt = performance.now() + options.lengthMs
  for (let turn = 0; turn < 1 || performance.now() < endsAt; turn++) {
    const syncMs = SYNCS_MS[(options.seed + turn) % SYNCS_MS.length] ?? 0
    addFigures(figures, await stopOnce({ ...options, seed: options.seed + turn }, syncMs))
    if (figures.violations.length > 0) return figures
  }
  return figures
}

async function stopOnce(options: CampaignOptions, syncMs: number): Promise<Figures> {
  const deadlineMs = options.isSabotaged === true ? SABOTAGED_DEADLINE_MS : DEADLINE_MS
  const rig = await Rig.open({
    ...options,
    senders: CHANNELS_PER_PUBLISHER,
    program: { deadlineMs, syncMs },
  })
  // What was delivered in the last moments could not be noted.
  rig.oracle.mayRepeatAll = true
  try {
    rig.endpoint.state = rig.random() < 0.5 ? 'moody' : 'away'
    if (options.isSabotaged === true) rig.endpoint.state = 'away'
    await rig.start()
    rig.publish()
    await rig.firstAcknowledgement()
    await delay(rig.between(200, 600))
    rig.connector.signal('SIGUSR2')
    rig.count(`SIGTERM with ${syncMs} ms a sync and 40 channels`)
    await delay(rig.between(0, 2 * syncMs))
    await rig.stop(DEADLINE_MS + TOLERANCE_MS)
    rig.checkNothingLost(await rig.drain())
  } finally {
    await rig.close()
  }
  return rig.figures
}
