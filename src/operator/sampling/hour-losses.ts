/** What was lost in the last hour, by code, to the minute. */
import type { OutcomeTotals } from '../../channels/ledger/outcome-totals.ts'
import type { Clock } from '../../clock.ts'
import { SampleRing } from './sample-ring.ts'

const INTERVAL_MS = 60_000
const MAX_SAMPLES = 60

export type LossCounts = ReadonlyMap<string, number>

/** Rejected messages have no code of the connector's own. */
export const REJECTED = 'rejected'
/** What the settings leave out is no loss. */
export const NO_LOSS = 'NotSelected'

export class HourLosses {
  readonly #outcomes: () => OutcomeTotals
  readonly #samples: SampleRing<LossCounts>

  constructor(outcomes: () => OutcomeTotals, clock: Clock) {
    this.#outcomes = outcomes
    this.#samples = new SampleRing({
      clock,
      intervalMs: INTERVAL_MS,
      maxSamples: MAX_SAMPLES,
      take: () => this.#counts(),
    })
  }

  start(): void {
    this.#samples.start()
  }

  stop(): void {
    this.#samples.stop()
  }

  /** In the last hour, or since the start if that is later. */
  recent(): LossCounts {
    const before = this.#samples.oldest ?? new Map<string, number>()
    const recent = new Map<string, number>()
    for (const [code, count] of this.#counts()) {
      const more = count - (before.get(code) ?? 0)
      if (more > 0) recent.set(code, more)
    }
    return recent
  }

  #counts(): LossCounts {
    const { refused, destinations } = this.#outcomes()
    const lost = new Map<string, number>()
    for (const { dropped, rejected } of destinations) {
      for (const [code, count] of dropped) raise(lost, code, count)
      raise(lost, REJECTED, rejected)
    }
    for (const [code, count] of refused) lost.set(code, (lost.get(code) ?? 0) + count)
    return lost
  }
}

/** A message that several destinations have lost counts once: the most of any of them counts. */
function raise(lost: Map<string, number>, code: string, count: number): void {
  if (code !== NO_LOSS && count > 0) lost.set(code, Math.max(lost.get(code) ?? 0, count))
}
