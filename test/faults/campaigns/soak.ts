/**
 * One process under steady load, whose endpoint is away for part of the time: its memory must stop
 * growing. `npm run faults -- --soak 30` runs it for 30 minutes.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { Figures } from '../figures.ts'
import { type MemorySample, mebibytes, memoryGrowth } from '../memory-growth.ts'
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
/** The oracle remembers every message, so a long run sends fewer in a second. */
const PAUSE_MS = { short: 30, long: 200 }
/** No machine is so busy that the connector or the endpoint is held up for nearly as long. */
const ANSWER_TIMEOUT_MS = { short: 1_000, long: 10_000 }

/** @param report called with a line for each minute */
export async function soak(
  options: CampaignOptions,
  report: (line: string) => void = () => {},
): Promise<Figures> {
  const size = options.lengthMs < 60_000 ? 'short' : 'long'
  const rig = await Rig.open({
    ...options,
    pauseMs: PAUSE_MS[size],
    answerTimeoutMs: ANSWER_TIMEOUT_MS[size],
  })
  const startedAt = performance.now()
  const samples: MemorySample[] = []
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
    const warmUpMs = options.lengthMs * WARM_UP_SHARE
    const { isFlat, text } = memoryGrowth(samples, { warmUpMs, periodMs: cycleMs })
    report(text)
    if (!isFlat && options.lengthMs >= JUDGED_FROM_MS) rig.oracle.violated(`not flat: ${text}`)
    await rig.quiet()
    await rig.stop()
    rig.checkNothingLost(await rig.drain())
  } finally {
    await rig.close()
  }
  return rig.figures
}

function stateAt(share: number): 'well' | 'away' | 'moody' {
  let end = 0
  for (const [state, length] of PHASES) {
    end += length
    if (share < end) return state
  }
  return 'well'
}

/** The last sample before the process ended counts as 0. */
async function residentBytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}
