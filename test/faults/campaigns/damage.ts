/**
 * Files change from outside the connector, while it is stopped and while it runs. Only messages in
 * those files may be lost, and they have to be named as far as a trace of them is left. No changed
 * message may be delivered, and the service continues.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { JOURNAL_NAME } from '../../../src/channels/log/channel-log.ts'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { LedgerRow } from '../connector-watch.ts'
import { CHANNELS, DAMAGES, type DamageKind, type Harm, type Moment } from '../damages.ts'
import type { Figures } from '../figures.ts'
import type { Loss } from '../oracle.ts'
import { Rig } from '../rig.ts'

const TURNS_AT_LEAST = 4

export const damageCampaign: Campaign = { name: 'damage', run }

async function run(options: CampaignOptions): Promise<Figures> {
  const rig = await Rig.open({ ...options, pauseMs: 1 })
  // The readers' positions may be damaged too.
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
  const moment = kind.moments[Math.floor(rig.between(0, kind.moments.length))] ?? 'killed'
  await rig.start()
  const before = { rows: await rig.watch.ledger(), quarantined: await quarantined(rig) }
  await fill(rig, kind)
  if (moment === 'killed') await rig.kill()
  if (moment === 'stopped') await rig.stop()
  const directory = join(rig.directory, 'channels', channel)
  const harm = await whileHalted(rig, moment, () => kind.damage({ rig, channel, directory }))
  rig.count(`${kind.name}${moment === 'stopped' ? ' after a clean stop' : ''}`)
  if (moment === 'running') await goOn(rig)
  if (harm.mayReuseIds) rig.oracle.idsMayComeAgain()
  const { rows } = await rig.drain()
  const missing = rig.oracle.missing().filter((loss) => !explained.has(textOf(loss)))
  for (const loss of missing) explained.add(textOf(loss))
  await explain(rig, missing, harm, { before, rows })
  await rig.stop()
}

/**
 * A backlog in the journal and in segments. Segments are written when slots are full, or at a stop.
 */
async function fill(rig: Rig, kind: DamageKind): Promise<void> {
  rig.endpoint.state = rig.random() < 0.3 ? 'moody' : 'away'
  rig.publish()
  await rig.firstAcknowledgement()
  if (kind.isOfSegments || rig.random() < 0.3) {
    await delay(rig.between(100, 400))
    await rig.quiet()
    await rig.stop()
    await rig.start()
    rig.publish()
    await rig.firstAcknowledgement()
  }
  await delay(rig.between(300, 800))
}

/** The process is paused, so that nothing is written between reading a file and damaging it. */
async function whileHalted(rig: Rig, moment: Moment, act: () => Promise<Harm>): Promise<Harm> {
  if (moment !== 'running') return act()
  rig.connector.signal('SIGSTOP')
  await delay(20)
  const harm = await act()
  rig.connector.signal('SIGCONT')
  return harm
}

async function goOn(rig: Rig): Promise<void> {
  await delay(rig.between(100, 600))
  await rig.quiet()
  await (rig.random() < 0.5 ? rig.kill() : rig.stop())
}

interface Reported {
  readonly before: { readonly rows: readonly LedgerRow[]; readonly quarantined: readonly string[] }
  readonly rows: readonly LedgerRow[]
}

async function explain(
  rig: Rig,
  missing: readonly Loss[],
  harm: Harm,
  { before, rows }: Reported,
): Promise<void> {
  const { figures, oracle } = rig
  const destroyed = missing.filter((loss) => harm.messages.has(textOf(loss)))
  const lost = missing.length - destroyed.length
  if (lost > 0) {
    figures.lost += lost
    oracle.violated(`${harm.name}: lost ${lost} that were not in what was damaged`)
  }
  const kept = (await quarantined(rig)).filter((name) => !before.quarantined.includes(name))
  for (const channel of CHANNELS) {
    const ofChannel = destroyed.filter((loss) => loss.channel === channel)
    const known = harm.isLedgerLost ? 0 : damagedOn(before.rows, channel)
    const named = Math.min(ofChannel.length, Math.max(0, damagedOn(rows, channel) - known))
    figures.damagedByName += named
    const isQuarantined = kept.some((name) => {
      return name.startsWith(`${channel}-`) || name.startsWith(JOURNAL_NAME)
    })
    explainUnnamed(rig, harm, ofChannel, { named, isQuarantined })
  }
}

function explainUnnamed(
  { figures, oracle }: Rig,
  { name, traceless }: Harm,
  destroyed: readonly Loss[],
  { named, isQuarantined }: { readonly named: number; readonly isQuarantined: boolean },
): void {
  const unnamed = destroyed.length - named
  if (unnamed === 0) return
  const withoutTrace = destroyed.filter((loss) => traceless.has(textOf(loss))).length
  if (isQuarantined) figures.damagedByName += unnamed
  else if (unnamed <= withoutTrace) figures.destroyedWithoutTrace += unnamed
  else oracle.violated(`${name}: ${unnamed} of ${destroyed.length} are gone and nothing says so`)
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
