/**
 * Somebody or something changes files behind the product's back, while it is stopped and while it
 * runs. Only what was in those files may be lost, it has to be named as far as anything of it is
 * left, nothing that was changed may be delivered, and the service goes on.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import { DAMAGES, type DamageKind, type Harm } from '../damages.ts'
import type { Figures } from '../figures.ts'
import type { LedgerRow } from '../hub-watch.ts'
import type { Loss } from '../oracle.ts'
import { Rig } from '../rig.ts'

const TURNS_AT_LEAST = 4
const CHANNELS = ['alpha', 'beta', 'gamma', 'delta']

export const damageCampaign: Campaign = { name: 'damage', run }

async function run(options: CampaignOptions): Promise<Figures> {
  const rig = await Rig.open({ ...options, pauseMs: 1 })
  // The readers' positions are among what is damaged.
  rig.oracle.mayRepeatAll = true
  const explained = new Set<string>()
  const first = Math.floor(rig.between(0, DAMAGES.length))
  try {
    for (let turn = first; turn < first + TURNS_AT_LEAST || rig.hasTime; turn++) {
      const kind = DAMAGES[turn % DAMAGES.length]
      if (kind !== undefined) await damageOnce(rig, kind, explained)
    }
  } finally {
    await rig.close()
  }
  return rig.figures
}

async function damageOnce(rig: Rig, kind: DamageKind, explained: Set<string>): Promise<void> {
  const channel = CHANNELS[Math.floor(rig.between(0, CHANNELS.length))] ?? ''
  await rig.start()
  const before = damagedOn(await rig.watch.ledger(), channel)
  rig.endpoint.state = rig.random() < 0.3 ? 'moody' : 'away'
  rig.publish()
  await delay(rig.between(600, 1_200))
  if (!kind.whileRunning) await rig.kill()
  const harm = await kind.damage({
    rig,
    channel,
    directory: join(rig.directory, 'channels', channel),
  })
  rig.count(kind.name)
  if (kind.whileRunning) {
    await delay(rig.between(100, 600))
    await rig.quiet()
    await (rig.random() < 0.5 ? rig.kill() : rig.stop())
  }
  const { rows } = await rig.drain()
  const missing = rig.oracle.missing().filter((loss) => !explained.has(textOf(loss)))
  for (const loss of missing) explained.add(textOf(loss))
  await explain(rig, missing, harm, damagedOn(rows, channel) - (harm.isLedgerLost ? 0 : before))
  await rig.stop()
}

async function explain(
  rig: Rig,
  missing: readonly Loss[],
  harm: Harm,
  namedByLedger: number,
): Promise<void> {
  const { figures, oracle } = rig
  const inFile = missing.filter((loss) => {
    return loss.channel === harm.channel && harm.messages.has(textOf(loss))
  })
  const lost = missing.length - inFile.length
  if (lost > 0) {
    figures.lost += lost
    oracle.violated(`${harm.name}: lost ${lost} that were not in what was damaged`)
  }
  const isQuarantined = (await quarantined(rig)).some((name) => name.startsWith(harm.channel))
  const named = Math.min(inFile.length, Math.max(0, namedByLedger))
  const unnamed = inFile.length - named
  figures.damagedByName += named
  if (unnamed === 0) return
  if (isQuarantined) figures.damagedByName += unnamed
  else if (harm.isTraceless) figures.destroyedWithoutTrace += unnamed
  else oracle.violated(`${harm.name}: ${unnamed} of ${inFile.length} are gone and nothing says so`)
}

async function quarantined(rig: Rig): Promise<string[]> {
  return readdir(join(rig.directory, 'quarantine')).catch(() => [])
}

function damagedOn(rows: readonly LedgerRow[], channel: string): number {
  return rows.find((row) => row.channel === channel)?.dropped['DataDamaged'] ?? 0
}

function textOf({ name }: Loss): string {
  return `${name.publisher}/${name.number}`
}
