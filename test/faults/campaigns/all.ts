/** Every campaign there is. */
import type { Campaign } from '../campaign.ts'
import { boundsCampaign } from './bounds.ts'
import { clockJumpsCampaign } from './clock-jumps.ts'
import { damageCampaign } from './damage.ts'
import { diskFullCampaign } from './disk-full.ts'
import { diskRefusesCampaign } from './disk-refuses.ts'
import { exactlyOnceCampaign } from './exactly-once.ts'
import { killCampaign } from './kill.ts'
import { manyChannelsCampaign } from './many-channels.ts'
import { immutableCampaign, oneFileCampaign } from './one-file.ts'
import { powerCutsCampaign } from './power-cuts.ts'
import { sessionsCampaign } from './sessions.ts'
import { slowStopCampaign } from './slow-stop.ts'
import { soakCampaign } from './soak.ts'
import { twoProcessesCampaign } from './two-processes.ts'
import { wrapCampaign } from './wrap.ts'

export const CAMPAIGNS: readonly Campaign[] = [
  killCampaign,
  powerCutsCampaign,
  damageCampaign,
  diskRefusesCampaign,
  diskFullCampaign,
  oneFileCampaign,
  immutableCampaign,
  boundsCampaign,
  clockJumpsCampaign,
  twoProcessesCampaign,
  wrapCampaign,
  manyChannelsCampaign,
  sessionsCampaign,
  exactlyOnceCampaign,
  slowStopCampaign,
  soakCampaign,
]
