/**
 * The machine's clock jumps back and forth, by seconds and by years, and the process is killed too.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { Figures } from '../figures.ts'
import { Rig } from '../rig.ts'

const SECOND_MS = 1_000
const DAY_MS = 86_400_000
const SERVED_WITHIN_MS = 5_000
const JUMPS_MS = [SECOND_MS, 60 * SECOND_MS, DAY_MS, 3_650 * DAY_MS]

export const clockJumpsCampaign: Campaign = { name: 'clock jumps', run }

async function run(options: CampaignOptions): Promise<Figures> {
  const rig = await Rig.open({ ...options, storage: { segmentMaxAge: 1_000 } })
  try {
    rig.endpoint.state = 'moody'
    while (rig.hasTime) {
      await rig.start()
      rig.publish()
      await rig.firstAcknowledgement()
      for (let jump = 0; jump < 8; jump++) {
        await delay(rig.between(20, 300))
        const by = JUMPS_MS[Math.floor(rig.between(0, JUMPS_MS.length))] ?? 0
        rig.connector.order({ clockMs: rig.random() < 0.5 ? by : -by })
        rig.count('clock jump')
        // Whatever the clock says, clients stay connected and are served.
        const began = performance.now()
        await rig.firstAcknowledgement()
        if (performance.now() - began > SERVED_WITHIN_MS) {
          rig.oracle.violated('nothing was acknowledged for 5 s after a clock jump')
        }
      }
      await rig.kill()
      rig.count('kill -9 under load')
    }
    rig.checkNothingLost(await rig.drain())
  } finally {
    await rig.close()
  }
  return rig.figures
}
