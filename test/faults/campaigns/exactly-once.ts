/**
 * Messages with QoS 2, whose answers are lost, over `kill -9`: each is stored exactly once.
 * `npm run faults -- --qos2-kills 1000` kills a thousand times.
 */
import type { Campaign, CampaignOptions } from '../campaign.ts'
import { notOnce, QOS2_CHANNEL, sendOverKills } from '../exactly-once.ts'
import type { Figures } from '../figures.ts'
import { Rig } from '../rig.ts'

const KILLS_AT_LEAST = 2
/** How long one kill and the messages around it take. */
const KILL_MS = 2_000
/** What is stored must not become history before it is counted. */
const STORAGE = { maxBytes: 256 * 1024 * 1024 }

export const exactlyOnceCampaign: Campaign = {
  name: 'exactly once',
  run: (options) => {
    const kills = Math.max(KILLS_AT_LEAST, Math.floor(options.lengthMs / KILL_MS))
    return exactlyOnce(options, kills)
  },
}

export async function exactlyOnce(options: CampaignOptions, kills: number): Promise<Figures> {
  const rig = await Rig.open({ ...options, storage: STORAGE })
  rig.endpoint.stuckChannel = QOS2_CHANNEL
  try {
    const result = await sendOverKills({ kills, seed: options.seed }, async () => {
      await rig.start()
      const { mqtt, http } = rig.watch.addresses
      return { mqttPort: Number(new URL(mqtt).port), httpUrl: http, crash: () => crash(rig) }
    })
    rig.figures.acknowledged += result.sent.length
    rig.figures.faults['QoS 2 message sent again'] = result.resent
    const wrong = notOnce(result)
    rig.figures.lost += wrong.filter(([, times]) => times === 0).length
    for (const [payload, times] of wrong.slice(0, 5)) {
      rig.oracle.violated(`${payload} is stored ${times} times`)
    }
  } finally {
    await rig.close()
  }
  return rig.figures
}

async function crash(rig: Rig): Promise<void> {
  await rig.kill()
  rig.count('kill -9 with QoS 2 under way')
}
