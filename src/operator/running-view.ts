/** What the HTTP server may show of the running connector. */
import type { Channel } from '../channels/channel.ts'
import type { ChannelSet } from '../channels/channel-set.ts'
import type { ChannelLedger, OutageLeft, StoreLedger } from '../channels/ledger/ledger.ts'
import { durationText } from '../channels/ledger/outage-forecast.ts'
import type { DestinationDelivery } from '../delivery/destination-delivery.ts'
import type { ConnectorView, Health, MessagePage, ReadFrom } from '../http/views/connector-view.ts'
import type {
  DeadLetterFilter,
  DeadLetterPage,
  ReplayReport,
  ReplayRequest,
} from '../http/views/dead-letters-view.ts'
import type { Stories } from '../http/views/why-view.ts'
import type { Router } from '../routing/router.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { DeadLetterDesk } from './dead-letter-replay.ts'
import { StoryTeller, type StoryTellerOptions } from './why/message-history.ts'

export interface RunningViewOptions extends StoryTellerOptions {
  readonly storeLedger: () => StoreLedger
  readonly outage: () => readonly OutageLeft[]
  readonly metrics: Metrics
  readonly router: Router
}

/** A page holds no more payload than this, however many messages were asked for. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024

export class RunningView implements ConnectorView {
  readonly #options: RunningViewOptions
  readonly #channels: ChannelSet
  readonly #deliveries: readonly DestinationDelivery[]
  readonly #metrics: Metrics
  readonly #letters: DeadLetterDesk
  readonly #stories: StoryTeller
  readonly #waiting = new Set<() => void>()

  constructor(options: RunningViewOptions) {
    const { channels, deliveries, metrics } = options
    this.#options = options
    this.#channels = channels
    this.#deliveries = deliveries
    this.#metrics = metrics
    this.#letters = new DeadLetterDesk(options)
    this.#letters.start()
    this.#stories = new StoryTeller(options)
    const look = () => {
      for (const wake of this.#waiting) wake()
    }
    channels.commits.listen({ committed: look, failed: look })
  }

  health(): Health {
    const { state, problem } = this.#options.storeLedger()
    const failing = this.#deliveries.flatMap((delivery) => delivery.problem ?? [])
    return {
      live: true,
      ready: problem === undefined,
      storage: state,
      problems: problem === undefined ? failing : [problem, ...failing],
      outage: outageSentence(this.outage()),
    }
  }

  store(): StoreLedger {
    return this.#options.storeLedger()
  }

  outage(): readonly OutageLeft[] {
    return this.#options.outage()
  }

  ledger(): readonly ChannelLedger[] {
    return this.#channels.ledger()
  }

  async metrics(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#metrics.contentType, text: await this.#metrics.text() }
  }

  async readMessages(
    name: string,
    from: ReadFrom,
    limit: number,
  ): Promise<MessagePage | undefined> {
    const log = this.#channels.get(name)?.log
    if (log === undefined) return undefined
    const start = await offsetOf(log, from)
    const messages = await log.read(start, limit, MAX_PAGE_BYTES)
    return { messages, next: (messages.at(-1)?.offset ?? start - 1) + 1 }
  }

  readDeadLetters(
    filter: DeadLetterFilter,
    from: number,
    limit: number,
  ): Promise<DeadLetterPage | undefined> {
    return this.#letters.readDeadLetters(filter, from, limit)
  }

  replayDeadLetters(request: ReplayRequest): Promise<ReplayReport | undefined> {
    return this.#letters.replayDeadLetters(request)
  }

  why(id: string): Promise<Stories> {
    return this.#stories.why(id)
  }

  async waitForMessages(name: string, offset: number, signal: AbortSignal): Promise<void> {
    const log = this.#channels.get(name)?.log
    if (log === undefined || log.committed > offset || signal.aborted) return
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#waiting.delete(look)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const look = () => {
        if (log.committed > offset) done()
      }
      this.#waiting.add(look)
      signal.addEventListener('abort', done)
    })
  }
}

async function offsetOf(log: Channel['log'], from: ReadFrom): Promise<number> {
  if (from === 'earliest') return log.start
  if (from === 'now') return log.committed
  return 'offset' in from ? Math.max(from.offset, log.start) : log.offsetAt(from.timeMs)
}

/** Of the channel that would be the first to lose messages. */
function outageSentence(rows: readonly OutageLeft[]): string | undefined {
  const [first] = [...rows].sort((one, other) => one.seconds - other.seconds)
  if (first === undefined) return undefined
  const { channel, seconds, bound } = first
  return `At the rate of the last minutes, destinations may be away for ${durationText(seconds)} before channel ${channel} meets ${bound} and loses messages.`
}
