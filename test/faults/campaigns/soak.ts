/**
 * One process under steady load, whose endpoint is away for part of the time: its memory must stop
 * growing. `npm run faults -- --soak 30` runs it for 30 minutes.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { Figures } from '../figures.ts'
import { Rig } from '../rig.ts'

export const soakCampaign: Campaign = { name: 'soak', run: (options) => soak(options) }

/** The part of the time after which memory has to be flat: five minutes of thirty. */
const WARM_UP_SHARE = 1 / 6
/** A shorter run still fills its caches and its code is still being compiled: only loss counts. */
const JUDGED_FROM_MS = 20 * 60_000
const SAMPLE_MS = 1_000
/** Of the endpoint: well for 20 s, away for 10 s, moody for 20 s. A short run has all of them. */
const PHASES = [
  ['well', 0.4],
  ['away', 0.2],
  ['moody', 0.4],
] as const
const CYCLE_MS = 50_000
/** Median of the last third against that of the first third after the warm-up. */
const MAX_GROWTH_SHARE = 0.1
const MAX_GROWTH_BYTES = 16 * 1024 * 1024
const PAUSE_MS = 30

interface Sample {
  readonly atMs: number
  readonly bytes: number
}

/** @param report called with a line for each minute */
export async function soak(
  options: CampaignOptions,
  report: (line: string) => void = () => {},
): Promise<Figures> {
  const rig = await Rig.open({ ...options, pauseMs: PAUSE_MS })
  const startedAt = performance.now()
  const samples: Sample[] = []
  try {
    await rig.start()
    rig.publish()
    await rig.firstAcknowledgement()
    const cycleMs = Math.min(CYCLE_MS, options.lengthMs)
    let minute = 0
    while (rig.hasTime && rig.connector.isAlive) {
      const atMs = performance.now() - startedAt
      rig.endpoint.state = stateAt((atMs % cycleMs) / cycleMs)
      samples.push({ atMs, bytes: await residentBytes(rig.connector.child.pid) })
      if (atMs >= minute * 60_000) {
        report(`minute ${minute}: RSS ${mebibytes(samples.at(-1)?.bytes)} MiB`)
        minute += 1
      }
      await delay(Math.min(SAMPLE_MS, options.lengthMs / 20))
    }
    rig.count('soak with outages')
    if (!rig.connector.isAlive) rig.oracle.violated(`it ended: ${rig.connector.stderr}`)
    const growth = growthOf(samples, options.lengthMs)
    report(growth.text)
    if (growth.isTooMuch && options.lengthMs >= JUDGED_FROM_MS) rig.oracle.violated(growth.text)
    await rig.quiet()
    await rig.stop()
    rig.checkNothingLost(await rig.drain())
  } finally {
    await rig.close()
  }
  return rig.figures
}

/** Memory is flat if the median of the last third is at most a tenth, or 16 MiB, above the first. */
export function growthOf(samples: readonly Sample[], lengthMs: number) {
  const warm = samples.filter(({ atMs }) => atMs >= lengthMs * WARM_UP_SHARE)
  const third = Math.ceil(warm.length / 3)
  const first = median(warm.slice(0, third))
  const last = median(warm.slice(-third))
  const most = Math.max(0, ...warm.map(({ bytes }) => bytes))
  const bound = Math.max(first * MAX_GROWTH_SHARE, MAX_GROWTH_BYTES)
  return {
    isTooMuch: last - first > bound,
    text: `RSS after the warm-up: median ${mebibytes(first)} MiB in the first third, ${mebibytes(last)} MiB in the last, at most ${mebibytes(most)} MiB`,
  }
}

function stateAt(share: number): 'well' | 'away' | 'moody' {
  let end = 0
  for (const [state, length] of PHASES) {
    end += length
    if (share < end) return state
  }
  return 'well'
}

function median(samples: readonly Sample[]): number {
  const sorted = samples.map(({ bytes }) => bytes).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/** The last sample before the process ended counts as 0. */
async function residentBytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}

function mebibytes(bytes = 0): string {
  return (bytes / 1024 / 1024).toFixed(0)
}
