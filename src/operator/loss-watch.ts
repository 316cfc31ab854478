/** Samples the totals, and says what was lost and rejected in the last minute. */
import type { ChannelSet } from '../channels/channel-set.ts'
import type { DestinationTotals, OutcomeTotals } from '../channels/ledger/outcome-totals.ts'
import type { Clock } from '../clock.ts'
import { SampleRing } from './sampling/sample-ring.ts'

export interface LossWatchOptions {
  readonly channels: Pick<ChannelSet, 'outcomes' | 'hits'>
  readonly clock: Clock
  /** Dead letters that were given up or not kept. */
  readonly deadLettersLost: () => number
}

type Counts = Readonly<Record<string, number>>

/** What one destination did with messages in the last minute. */
export interface RecentOutcome {
  readonly destination: string
  readonly delivered: number
  readonly rejected: number
}

export interface RecentLosses {
  /**
   * By error code, messages that were refused, or dropped before the primary destination got them.
   */
  readonly dropped: Counts
  /** The same messages may be among them. */
  readonly droppedForOthers: readonly { readonly destination: string; readonly dropped: Counts }[]
  /** By error code, how often a message was not taken and stayed with its sender. */
  readonly withheld: Counts
  readonly deadLettersLost: number
  readonly outcomes: readonly RecentOutcome[]
}

interface Sample {
  readonly totals: OutcomeTotals
  readonly withheld: ReadonlyMap<string, number>
  readonly deadLettersLost: number
}

const INTERVAL_MS = 5_000
/** Losses count for a minute. */
const MAX_SAMPLES = 12

export class LossWatch {
  readonly #options: LossWatchOptions
  readonly #samples: SampleRing<Sample>

  constructor(options: LossWatchOptions) {
    this.#options = options
    this.#samples = new SampleRing({
      clock: options.clock,
      intervalMs: INTERVAL_MS,
      maxSamples: MAX_SAMPLES,
      take: () => {
        // Limits that have room again are forgotten.
        options.channels.hits.stillMet()
        return this.#sample()
      },
    })
  }

  start(): void {
    this.#samples.start()
  }

  stop(): void {
    this.#samples.stop()
  }

  recent(): RecentLosses {
    const now = this.#sample()
    const before = this.#samples.oldest ?? now
    const [primary, ...others] = now.totals.destinations.map((later, index) =>
      outcomeBetween(before.totals.destinations[index] ?? later, later),
    )
    const refused = increase(before.totals.refused, now.totals.refused)
    return {
      dropped: sumOf(refused, primary?.dropped ?? {}),
      droppedForOthers: others.filter(({ dropped }) => Object.keys(dropped).length > 0),
      withheld: increase(before.withheld, now.withheld),
      deadLettersLost: now.deadLettersLost - before.deadLettersLost,
      outcomes: primary === undefined ? [] : [primary, ...others],
    }
  }

  #sample(): Sample {
    const { channels, deadLettersLost } = this.#options
    const withheld = new Map(channels.hits.withheld)
    return { totals: channels.outcomes(), withheld, deadLettersLost: deadLettersLost() }
  }
}

function outcomeBetween(before: DestinationTotals, now: DestinationTotals) {
  return {
    destination: now.destination,
    delivered: now.delivered - before.delivered,
    rejected: now.rejected - before.rejected,
    dropped: increase(before.dropped, now.dropped),
  }
}

function sumOf(one: Counts, other: Counts): Counts {
  const sum: Record<string, number> = { ...one }
  for (const [code, count] of Object.entries(other)) sum[code] = (sum[code] ?? 0) + count
  return sum
}

function increase(
  before: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [code, count] of now) {
    // What the settings leave out is no loss.
    if (code === 'NotSelected') continue
    const more = count - (before.get(code) ?? 0)
    if (more > 0) counts[code] = more
  }
  return counts
}
