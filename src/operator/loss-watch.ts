/** Samples the ledger, and says what was lost and rejected in the last minute. */
import type { ChannelSet } from '../channels/channel-set.ts'
import type { ChannelLedger, ReaderLedger } from '../channels/ledger/ledger.ts'
import type { Clock, Timer } from '../clock.ts'

export interface LossWatchOptions {
  readonly channels: Pick<ChannelSet, 'ledger' | 'withheld'>
  readonly clock: Clock
  /** The destination whose outcomes are the ledger's own; undefined if there is none. */
  readonly primary: string | undefined
  /** Dead letters that were given up or not kept. */
  readonly deadLettersLost: () => number
}

/** What one destination did with messages in the last minute. */
export interface RecentOutcome {
  readonly destination: string
  readonly delivered: number
  readonly rejected: number
}

export interface RecentLosses {
  /** By error code. */
  readonly dropped: Readonly<Record<string, number>>
  /** By error code, how often a message was not taken and stayed with its sender. */
  readonly withheld: Readonly<Record<string, number>>
  readonly deadLettersLost: number
  readonly outcomes: readonly RecentOutcome[]
}

interface Sample {
  readonly dropped: ReadonlyMap<string, number>
  readonly withheld: ReadonlyMap<string, number>
  readonly deadLettersLost: number
  readonly outcomes: ReadonlyMap<string, Omit<RecentOutcome, 'destination'>>
  /** Channels whose counts were not known then. */
  readonly unopened: ReadonlySet<string>
}

const INTERVAL_MS = 5_000
/** Losses count for a minute. */
const MAX_SAMPLES = 12
const NOTHING = { delivered: 0, rejected: 0 }

export class LossWatch {
  readonly #options: LossWatchOptions
  readonly #samples: Sample[] = []
  #timer: Timer | undefined

  constructor(options: LossWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#samples.push(this.#sample())
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift()
    this.#timer = this.#options.clock.after(INTERVAL_MS, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  recent(): RecentLosses {
    const [earliest] = this.#samples
    // Counts of earlier days that can be read again are no new losses.
    const now = this.#sample(earliest?.unopened)
    const before = earliest ?? now
    const outcomes = [...now.outcomes].map(([destination, { delivered, rejected }]) => {
      const earlier = before.outcomes.get(destination) ?? NOTHING
      return {
        destination,
        delivered: delivered - earlier.delivered,
        rejected: rejected - earlier.rejected,
      }
    })
    return {
      dropped: increase(before.dropped, now.dropped),
      withheld: increase(before.withheld, now.withheld),
      deadLettersLost: now.deadLettersLost - before.deadLettersLost,
      outcomes,
    }
  }

  /** @param unknown channels that count only if their figures still are not known */
  #sample(unknown: ReadonlySet<string> = new Set()): Sample {
    const { channels, primary, deadLettersLost } = this.#options
    const dropped = new Map<string, number>()
    const outcomes = new Map<string, { delivered: number; rejected: number }>()
    const add = (name: string, { delivered, rejected }: ReaderLedger | ChannelLedger): void => {
      const sum = outcomes.get(name) ?? NOTHING
      outcomes.set(name, {
        delivered: sum.delivered + delivered,
        rejected: sum.rejected + rejected,
      })
    }
    const unopened = new Set<string>()
    for (const ledger of channels.ledger()) {
      if (ledger.isUnopened === true) unopened.add(ledger.channel)
      else if (unknown.has(ledger.channel)) continue
      for (const reader of [ledger, ...Object.values(ledger.readers)]) {
        for (const [code, count] of [
          ...Object.entries(reader.dropped),
          ['MessageExpired', reader.expired] as const,
        ]) {
          dropped.set(code, (dropped.get(code) ?? 0) + count)
        }
      }
      if (primary !== undefined) add(primary, ledger)
      for (const [name, reader] of Object.entries(ledger.readers)) add(name, reader)
    }
    const withheld = new Map(channels.withheld)
    return { dropped, withheld, deadLettersLost: deadLettersLost(), outcomes, unopened }
  }
}

function increase(
  before: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [code, count] of now) {
    const more = count - (before.get(code) ?? 0)
    if (more > 0) counts[code] = more
  }
  return counts
}
