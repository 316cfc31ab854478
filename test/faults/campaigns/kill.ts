/**
 * kill -9 under load: at work, while it starts, while it stops, twice in a row, while it is paused.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { Figures } from '../figures.ts'
import { Rig } from '../rig.ts'

export const killCampaign: Campaign = { name: 'kill', run }

async function run(options: CampaignOptions): Promise<Figures> {
  const rig = await Rig.open(options)
  try {
    rig.endpoint.state = 'moody'
    const endings = [killedAtWork, killedStopping, killedTwice, killedStarting, killedPaused]
    for (let life = 0; life < endings.length || rig.hasTime; life++) {
      await endings[life % endings.length]?.(rig)
    }
    rig.checkNothingLost(await rig.drain())
  } finally {
    await rig.close()
  }
  return rig.figures
}

async function atWork(rig: Rig, mostMs: number): Promise<void> {
  await rig.start()
  rig.publish()
  if (rig.random() < 0.8) await rig.firstAcknowledgement()
  await delay(rig.between(0, mostMs))
}

async function killedAtWork(rig: Rig): Promise<void> {
  await atWork(rig, 1_500)
  await rig.kill()
  rig.count('kill -9 under load')
}

async function killedStopping(rig: Rig): Promise<void> {
  await atWork(rig, 600)
  rig.connector.signal('SIGTERM')
  await delay(rig.between(0, 300))
  await rig.kill()
  rig.count('kill -9 while stopping')
}

async function killedTwice(rig: Rig): Promise<void> {
  await killedAtWork(rig)
  await killedStarting(rig)
  rig.count('kill -9 twice in a row')
}

/** Loading the program takes most of a start; the directory is opened near its end. */
async function killedStarting(rig: Rig): Promise<void> {
  const { started } = rig.launch()
  await Promise.race([started, delay(rig.between(100, 1_000))])
  await delay(rig.between(0, 20))
  await rig.kill()
  rig.count('kill -9 while starting')
}

async function killedPaused(rig: Rig): Promise<void> {
  await atWork(rig, 300)
  for (let pause = 0; pause < 3; pause++) {
    rig.connector.signal('SIGSTOP')
    await delay(rig.between(20, 300))
    if (pause < 2) rig.connector.signal('SIGCONT')
    await delay(rig.between(0, 200))
    rig.count('SIGSTOP, SIGCONT')
  }
  await rig.kill()
  rig.count('kill -9 while paused')
}
