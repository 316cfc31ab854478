/** kill -9 under load with five hundred channels. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { Figures } from '../figures.ts'
import { Rig } from '../rig.ts'

const CHANNELS_PER_PUBLISHER = 100
const LIVES_AT_LEAST = 2

export const manyChannelsCampaign: Campaign = { name: 'many channels', run }

async function run(options: CampaignOptions): Promise<Figures> {
  const rig = await Rig.open({
    ...options,
    senders: CHANNELS_PER_PUBLISHER,
    storage: { maxBytes: 64 * 1024 * 1024 },
    parameters: { IotAnalyticsMaxActiveChannels: '1000' },
  })
  try {
    for (let life = 0; life < LIVES_AT_LEAST || rig.hasTime; life++) {
      rig.endpoint.state = life % 2 === 0 ? 'away' : 'well'
      await rig.start()
      rig.publish()
      await rig.firstAcknowledgement()
      await delay(rig.between(200, 1_500))
      await rig.kill()
      rig.count('kill -9 with 500 channels')
    }
    rig.checkNothingLost(await rig.drain())
  } finally {
    await rig.close()
  }
  return rig.figures
}
