/** Samples the intake, and says how long an outage of the destinations can last at its rate. */
import type { Channel } from '../channels/channel.ts'
import type { ChannelRules } from '../channels/channel-rules.ts'
import type { ChannelSet } from '../channels/channel-set.ts'
import type { OutageLeft } from '../channels/ledger/ledger.ts'
import {
  type ChannelRoom,
  type IntakeSample,
  outageForecast,
  type StoreRoom,
} from '../channels/ledger/outage-forecast.ts'
import type { Clock } from '../clock.ts'
import { SampleRing } from './sampling/sample-ring.ts'

export interface OutageWatchOptions {
  readonly channels: ChannelSet
  readonly clock: Clock
  readonly maxBacklogMessages: number
  readonly rulesFor: (channel: string) => ChannelRules
  /** Bytes of that room used since the start, including those that were freed since. */
  readonly takenBytes: () => number
  /** The room that is left now. */
  readonly room: () => StoreRoom
}

const INTERVAL_MS = 15_000
/** The rate is that of the last five minutes, or of the time since the start. */
const MAX_SAMPLES = 20
/** A rate over less time would be a guess. */
const SHORTEST_MS = 1_000

export class OutageWatch {
  readonly #options: OutageWatchOptions
  readonly #samples: SampleRing<IntakeSample>

  constructor(options: OutageWatchOptions) {
    this.#options = options
    this.#samples = new SampleRing({
      clock: options.clock,
      intervalMs: INTERVAL_MS,
      maxSamples: MAX_SAMPLES,
      take: () => this.#sample(),
    })
  }

  start(): void {
    this.#samples.start()
  }

  stop(): void {
    this.#samples.stop()
  }

  forecast(): OutageLeft[] {
    const earliest = this.#samples.oldest
    const now = this.#sample()
    if (earliest === undefined || now.at - earliest.at < SHORTEST_MS) return []
    const rooms = [...this.#options.channels].map((channel) => this.#roomOf(channel))
    return outageForecast(earliest, now, this.#options.room(), rooms)
  }

  #sample(): IntakeSample {
    const { channels, clock, takenBytes } = this.#options
    const stored = new Map<string, number>()
    for (const { name, log } of channels) stored.set(name, log.end)
    return { at: clock.monotonic(), takenBytes: takenBytes(), stored }
  }

  #roomOf({ name, backlog, cursors }: Channel): ChannelRoom {
    const { maxBacklogMessages, rulesFor, clock } = this.#options
    const oldestAt = Math.min(...cursors.map((cursor) => cursor.oldestWaitingAt || clock.now()))
    return {
      channel: name,
      backlog,
      maxBacklog: maxBacklogMessages,
      maxAgeMs: rulesFor(name).maxAgeMs,
      oldestAgeMs: Math.max(0, clock.now() - oldestAt),
    }
  }
}
