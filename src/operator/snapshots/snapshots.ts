/**
 * All that the operator's API shows as figures. A snapshot reads the counters once; its parts are
 * made when they are asked for. In between, one sample is taken every 10 s.
 */
import type { ChannelSet } from '../../channels/channel-set.ts'
import type { OutageLeft, StoreLedger } from '../../channels/ledger/ledger.ts'
import type { Clock, Timer } from '../../clock.ts'
import type { DestinationDelivery } from '../../delivery/destination-delivery.ts'
import type { ChannelDetail, ChannelList } from '../../http/api/shapes/channels.ts'
import type { History } from '../../http/api/shapes/overview.ts'
import type { Settings } from '../../http/api/shapes/settings.ts'
import type { Health } from '../../http/views/connector-view.ts'
import type { Snapshot } from '../../http/views/operator-view.ts'
import { Counters, type Counts, type Intakes } from '../sampling/counters.ts'
import { FreeSpace } from '../sampling/free-space.ts'
import { HourLosses } from '../sampling/hour-losses.ts'
import { LastHour } from '../sampling/last-hour.ts'
import { LevelHistory } from '../sampling/level-history.ts'
import { MeanWatch } from '../sampling/mean-watch.ts'
import type { RefusedClients } from '../sampling/refused-clients.ts'
import { channelDetail } from './channel-detail.ts'
import { channelRow } from './channel-rows.ts'
import type { ReceivedByClient } from './client-rows.ts'
import { Moment } from './moment.ts'
import type { ShownSource } from './source-rows.ts'

export interface SnapshotsOptions {
  readonly channels: ChannelSet
  readonly deliveries: readonly DestinationDelivery[]
  /** The kinds of the destinations, in the order of `deliveries`. */
  readonly destinationKinds: readonly string[]
  readonly sources: readonly ShownSource[]
  readonly intakes: Intakes
  readonly clock: Clock
  readonly health: () => Health
  readonly storeLedger: () => StoreLedger
  readonly outage: () => readonly OutageLeft[]
  readonly memory: { readonly held: number; readonly maxBytes: number }
  /** Where data is stored; undefined with durability `memory`. */
  readonly directory: string | undefined
  /** The name of the machine, or of the connector. */
  readonly instance: string
  readonly version: string
  readonly refusedClients: RefusedClients
  readonly settings: () => Settings
}

const INTERVAL_MS = 10_000
/** There may be many clients: their counters are read less often. */
const CLIENTS_INTERVAL_MS = 4_000

export class Snapshots {
  readonly #options: SnapshotsOptions
  readonly #counters: Counters
  readonly #means: MeanWatch<Counts>
  readonly #clientMeans: MeanWatch<ReceivedByClient>
  readonly #hour: LastHour
  readonly #losses: HourLosses
  readonly #free: FreeSpace
  readonly #levels: LevelHistory
  readonly #startedAt: number
  #sampledAt: number | undefined
  #timer: Timer | undefined

  constructor(options: SnapshotsOptions) {
    const { channels, clock, sources, intakes, directory } = options
    this.#options = options
    this.#startedAt = clock.now()
    this.#counters = new Counters(channels, sources, intakes)
    this.#means = new MeanWatch({ clock, take: () => this.#counters.read() })
    this.#clientMeans = new MeanWatch({
      clock,
      take: () => receivedByClient(sources),
      minIntervalMs: CLIENTS_INTERVAL_MS,
    })
    this.#hour = new LastHour((channel) => this.#counters.foundOf(channel))
    this.#losses = new HourLosses(() => channels.outcomes(), clock)
    this.#free = new FreeSpace(directory)
    this.#levels = new LevelHistory(this.#startedAt)
  }

  start(): void {
    this.#counters.start()
    this.#losses.start()
    this.#sample()
  }

  stop(): void {
    this.#losses.stop()
    this.#timer?.cancel()
  }

  snapshot(): Snapshot {
    return this.#moment()
  }

  channelList(after: string, limit: number): ChannelList {
    const { channels } = this.#options
    const context = this.#moment().rowContext
    const rows = channels.ledger().filter(({ channel }) => channel > after)
    const page = rows.slice(0, limit).map((row) => channelRow(row, context))
    return { channels: page, next: rows.length > limit ? (page.at(-1)?.name ?? null) : null }
  }

  async channelDetail(name: string): Promise<ChannelDetail | undefined> {
    const moment = this.#moment()
    const ledger = moment.channelLedger.find(({ channel }) => channel === name)
    if (ledger === undefined) return undefined
    const { channels, deliveries, settings } = this.#options
    return channelDetail({ ledger, channels, deliveries, ...settings(), moment })
  }

  history(): History {
    return this.#hour.history()
  }

  channelHistory(name: string): History | undefined {
    return this.#hour.channelHistory(name)
  }

  #moment(): Moment {
    const { clock, version, instance, refusedClients } = this.#options
    return new Moment({
      ...this.#options,
      identity: { instance, version, startedAt: this.#startedAt },
      nowMs: clock.now(),
      means: this.#means.means(),
      foundOf: (channel) => this.#counters.foundOf(channel),
      clientMeans: () => this.#clientMeans.means(),
      levels: this.#levels,
      losses: () => this.#losses.recent(),
      freeBytes: this.#free.bytes,
      refused: refusedClients,
    })
  }

  #sample(): void {
    const { clock, health } = this.#options
    const at = clock.monotonic()
    const seconds = this.#sampledAt === undefined ? 0 : (at - this.#sampledAt) / 1000
    this.#sampledAt = at
    this.#hour.add(this.#means.sample(), clock.now(), seconds)
    this.#clientMeans.sample()
    this.#levels.note(health().level, clock.now())
    void this.#free.refresh()
    this.#timer = clock.after(INTERVAL_MS, () => this.#sample())
  }
}

function receivedByClient(sources: readonly ShownSource[]): ReceivedByClient {
  const received = new Map<string, number>()
  for (const { clients } of sources) {
    for (const client of clients ?? []) received.set(client.clientId, client.received)
  }
  return received
}
