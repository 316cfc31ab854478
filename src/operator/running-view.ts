/** What the HTTP server shows of the running connector. */
import type { ChannelSet } from '../channels/channel-set.ts'
import type { ChannelLedger, OutageLeft, StoreLedger } from '../channels/ledger/ledger.ts'
import { durationText } from '../channels/ledger/outage-forecast.ts'
import type { DestinationDelivery } from '../delivery/destination-delivery.ts'
import { ConnectorError } from '../errors.ts'
import type { ChannelDetail, ChannelList, FieldList } from '../http/api/shapes/channels.ts'
import type { Story } from '../http/api/shapes/messages.ts'
import type { History } from '../http/api/shapes/overview.ts'
import type { TableList } from '../http/api/shapes/query.ts'
import type { Settings } from '../http/api/shapes/settings.ts'
import type {
  ConnectorView,
  Health,
  MessagePage,
  SourceHealth,
} from '../http/views/connector-view.ts'
import type {
  DeadLetterFilter,
  DeadLetterPage,
  ReplayReport,
  ReplayRequest,
} from '../http/views/dead-letters-view.ts'
import type {
  DestinationHealth,
  RetriedDestination,
  RetryRequest,
} from '../http/views/destinations-view.ts'
import type {
  HistoryReplayReport,
  HistoryReplayRequest,
} from '../http/views/history-replay-view.ts'
import type { OperatorView, Snapshot } from '../http/views/operator-view.ts'
import type { ReadFrom } from '../http/views/read-from.ts'
import type { WhyAnswer } from '../http/views/why-view.ts'
import { timeText } from '../iso-time.ts'
import type { Router } from '../routing/router.ts'
import { cut, printable } from '../shown-text.ts'
import type { ConnectionState } from '../sources/source.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import { DeadLetterReplay } from './dead-letter-replay.ts'
import { DestinationStates } from './destination-states.ts'
import { HistoryReplay, offsetOf } from './history-replay.ts'
import { LossWatch } from './loss-watch.ts'
import { lastFields } from './snapshots/channel-contents.ts'
import { Snapshots, type SnapshotsOptions } from './snapshots/snapshots.ts'
import { findings } from './verdict.ts'
import { MessageHistory, type MessageHistoryOptions } from './why/message-history.ts'

export interface RunningViewOptions
  extends MessageHistoryOptions,
    Omit<SnapshotsOptions, 'health'> {
  readonly metrics: Metrics
  /** `IotAnalyticsQueueSizePerChannel`. */
  readonly maxBacklogMessages: number
  readonly router: Router
  /** Undefined if messages can't be asked for with SQL. */
  readonly tables: OperatorView['tables'] | undefined
}

/** A page has at most this much payload, whatever its limit of messages; its text is bounded too. */
const MAX_PAGE_BYTES = 1024 * 1024
/** Destinations and brokers word a part of the problems. */
const MAX_PROBLEM = 1_000
/** A message that waits longer than the publish interval and this has not been delivered in time. */
const BEHIND_MS = 60_000

export class RunningView implements ConnectorView {
  readonly #options: RunningViewOptions
  readonly #channels: ChannelSet
  readonly #deliveries: readonly DestinationDelivery[]
  readonly #metrics: Metrics
  readonly #deadLetters: DeadLetterReplay
  readonly #destinations: DestinationStates
  readonly #replay: HistoryReplay
  readonly #history: MessageHistory
  readonly #losses: LossWatch
  readonly #snapshots: Snapshots
  readonly #waiting = new Set<() => void>()

  constructor(options: RunningViewOptions) {
    const { channels, clock, deliveries, metrics, storeLedger } = options
    this.#options = options
    this.#channels = channels
    this.#deliveries = deliveries
    this.#metrics = metrics
    this.#deadLetters = new DeadLetterReplay(options)
    this.#replay = new HistoryReplay(options)
    this.#destinations = new DestinationStates(channels, deliveries)
    this.#history = new MessageHistory(options)
    this.#snapshots = new Snapshots({ ...options, health: () => this.health() })
    this.#losses = new LossWatch({
      channels,
      clock,
      deadLettersLost: () => storeLedger().deadLettersLost ?? 0,
    })
  }

  /** Listens to commits; to be called once, before the HTTP server starts. */
  start(): void {
    this.#deadLetters.start()
    this.#replay.start()
    this.#losses.start()
    this.#snapshots.start()
    const look = () => {
      for (const wake of this.#waiting) wake()
    }
    this.#channels.commits.listen({ committed: look, failed: look })
  }

  close(): void {
    this.#losses.stop()
    this.#snapshots.stop()
  }

  /** How long a message may wait for its batch. */
  #intervalOf(name: string): number {
    const delivery = this.#deliveries.find(({ destination }) => destination.name === name)
    return delivery?.destination.batchRule.intervalMs ?? 0
  }

  health(): Health {
    const store = this.#options.storeLedger()
    const { state, problem } = store
    const sources = this.#options.sources.flatMap(({ name, connectionState }) =>
      connectionState === undefined ? [] : sourceHealth(name, connectionState),
    )
    const { faults } = this.#channels
    const destinations = this.destinations()
    const found = findings({
      nowMs: this.#options.clock.now(),
      behindAfterMs: (name) => this.#intervalOf(name) + BEHIND_MS,
      store,
      losses: this.#losses.recent(),
      limitsMet: this.#channels.hits.stillMet(),
      fullChannels: this.#fullChannels(),
      setAside: faults.map(({ channel }) => channel),
      sources,
      destinations,
    })
    return {
      level: found[0]?.level ?? 'ok',
      verdict: found[0]?.verdict ?? 'running',
      live: true,
      ready: problem === undefined,
      storage: state,
      sources: sources.map(({ health }) => health),
      destinations,
      problems: [
        ...(problem === undefined ? [] : [problem]),
        ...found.flatMap(({ problem: sentence }) => sentence ?? []),
        ...faults.map(({ refusal }) => refusal.message),
        ...sources.flatMap(({ problem }) => problem ?? []),
        ...this.#deliveries.flatMap((delivery) => delivery.problem ?? []),
      ].map((text) => printable(cut(text, MAX_PROBLEM))),
      outage: outageSentence(this.outage()),
    }
  }

  #fullChannels(): string[] {
    const { maxBacklogMessages } = this.#options
    const full = [...this.#channels].filter(({ backlog }) => backlog >= maxBacklogMessages)
    return full.map(({ name }) => name)
  }

  get identity() {
    const { instance, version } = this.#options
    return { instance, version }
  }

  snapshot(): Snapshot {
    return this.#snapshots.snapshot()
  }

  channelList(...page: Parameters<OperatorView['channelList']>): ChannelList {
    return this.#snapshots.channelList(...page)
  }

  channelDetail(name: string): Promise<ChannelDetail | undefined> {
    return this.#snapshots.channelDetail(name)
  }

  history(): History {
    return this.#snapshots.history()
  }

  channelHistory(name: string): History | undefined {
    return this.#snapshots.channelHistory(name)
  }

  settings(): Settings {
    return this.#options.settings()
  }

  async fields(name: string, nextTurn: () => Promise<void>): Promise<FieldList | undefined> {
    const log = this.#channels.get(name)?.log
    return log === undefined ? undefined : await lastFields(log, nextTurn)
  }

  story(id: string): Promise<Story> {
    return this.#history.story(id)
  }

  async tables(...page: Parameters<OperatorView['tables']>): Promise<TableList> {
    return (await this.#options.tables?.(...page)) ?? { tables: [], next: null }
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
    if (log === undefined) {
      const unopened = this.#channels.faults.find(({ channel }) => channel === name)
      if (unopened === undefined) return undefined
      throw new ConnectorError('StorageFailed', unopened.refusal.message)
    }
    const start = await offsetOf(log, from)
    const messages = await log.read(start, limit, MAX_PAGE_BYTES)
    return { messages, next: (messages.at(-1)?.offset ?? start - 1) + 1 }
  }

  readDeadLetters(
    filter: DeadLetterFilter,
    from: number,
    limit: number,
  ): Promise<DeadLetterPage | undefined> {
    return this.#deadLetters.readDeadLetters(filter, from, limit)
  }

  replayDeadLetters(request: ReplayRequest): Promise<ReplayReport | undefined> {
    return this.#deadLetters.replayDeadLetters(request)
  }

  replayHistory(request: HistoryReplayRequest): Promise<HistoryReplayReport | undefined> {
    return this.#replay.replayHistory(request)
  }

  destinations(): DestinationHealth[] {
    return this.#destinations.destinations()
  }

  nextAttempts(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return this.#destinations.nextAttempts()
  }

  retryNow(request: RetryRequest): RetriedDestination[] | 'channel' | 'destination' {
    return this.#destinations.retryNow(request)
  }

  why(id: string): Promise<WhyAnswer> {
    return this.#history.why(id)
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

function sourceHealth(
  name: string,
  { isReady, since, problem }: ConnectionState,
): { readonly health: SourceHealth; readonly problem: string | undefined } {
  const state = isReady ? 'connected' : 'disconnected'
  const sinceText = timeText(since)
  return {
    health: { name, state, since: sinceText },
    problem:
      problem === undefined ? undefined : `Source ${name}, ${state} since ${sinceText}: ${problem}`,
  }
}

/** About the channel that would be the first to lose messages. */
function outageSentence(rows: readonly OutageLeft[]): string | undefined {
  const [first] = [...rows].sort((one, other) => one.seconds - other.seconds)
  if (first === undefined) return undefined
  const { channel, seconds, bound } = first
  if (seconds < 1) {
    return `Channel ${channel} has reached ${bound}: it loses messages until a destination takes some.`
  }
  return `At the rate of the last few minutes, an outage of the destinations can last ${durationText(seconds)} before channel ${channel} reaches ${bound} and loses messages.`
}
