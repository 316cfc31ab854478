/**
 * The disk is full, read-only or failing, for a while and at random. No acknowledged message may be
 * lost unless a receipt has named it, health has to report the state, and the connector has to
 * recover without help.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { DiskOrders } from '../faulty-files.ts'
import type { Figures } from '../figures.ts'
import { Rig } from '../rig.ts'

const WRITING = ['open', 'write', 'sync', 'truncate', 'rename', 'remove'] as const
/** This holds the backlog of a whole campaign. */
const MAX_BYTES = 128 * 1024 * 1024
/** How long all channels may take to notice that the disk works again. */
const RECOVERY_PATIENCE_MS = 20_000

interface Refusal {
  readonly name: string
  readonly orders: DiskOrders
  /** Whether incoming messages always reveal it. */
  readonly isTotal: boolean
  /** Nothing may be delivered, because only a backlog has to be moved to segments. */
  readonly isAway?: boolean
}

const REFUSALS: readonly Refusal[] = [
  {
    name: 'read-only (EROFS)',
    orders: { failing: [...WRITING], code: 'EROFS' },
    isTotal: true,
  },
  {
    name: 'disk full (copy on write)',
    orders: { roomBytes: 20_000, isCopyOnWrite: true },
    isTotal: true,
  },
  { name: 'disk full while settling', orders: { roomBytes: 20_000 }, isTotal: true, isAway: true },
  { name: 'EIO on every write and sync', orders: { failing: ['sync', 'write'] }, isTotal: true },
  {
    name: 'EIO on some calls',
    orders: { failing: [...WRITING, 'read'], share: 0.2 },
    isTotal: false,
  },
  {
    name: 'disk full without truncating',
    orders: { roomBytes: 20_000, isCopyOnWrite: true, failing: ['truncate'] },
    isTotal: true,
  },
]

export const diskRefusesCampaign: Campaign = { name: 'disk refuses', run }

async function run(options: CampaignOptions): Promise<Figures> {
  const rig = await Rig.open({ ...options, storage: { maxBytes: MAX_BYTES } })
  // Messages whose delivery could not be recorded are delivered again after the next start.
  rig.oracle.mayRepeatAll = true
  try {
    rig.endpoint.state = 'moody'
    await rig.start()
    rig.publish()
    for (let turn = 0; turn < REFUSALS.length || rig.hasTime; turn++) {
      const refusal = REFUSALS[turn % REFUSALS.length]
      if (refusal !== undefined) await refuse(rig, refusal)
      rig.endpoint.state = turn % 2 === 0 ? 'away' : 'moody'
    }
    await rig.quiet()
    rig.checkNothingLost(await rig.drain())
  } finally {
    await rig.close()
  }
  return rig.figures
}

async function refuse(rig: Rig, { name, orders, isTotal, isAway }: Refusal): Promise<void> {
  if (isAway === true) rig.endpoint.state = 'away'
  await delay(rig.between(50, 300))
  rig.connector.order({ disk: orders })
  rig.count(name)
  if (isTotal) await healthIs(rig, false, name)
  await delay(rig.between(0, 500))
  rig.connector.order({ disk: {} })
  const endedAt = performance.now()
  await healthIs(rig, true, name)
  rig.noteRecovery(performance.now() - endedAt)
}

/** Waits until health reports the expected state without help. */
export async function healthIs(rig: Rig, ready: boolean, during: string): Promise<void> {
  const givesUpAt = performance.now() + RECOVERY_PATIENCE_MS
  for (;;) {
    const health = await rig.watch.health()
    if (health.ready === ready) {
      if (!ready && (health.storage === 'ok' || health.problems.length === 0)) {
        rig.oracle.violated(
          `${during}: health does not name it: ${health.storage}, ${health.problems.join()}`,
        )
      }
      return
    }
    if (performance.now() > givesUpAt) {
      const state = health.ready ? 'well' : `not well (${health.problems.join()})`
      rig.oracle.violated(`${during}: health was still ${state}`)
      return
    }
    await delay(20)
  }
}
