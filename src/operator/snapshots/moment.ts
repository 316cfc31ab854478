/** The figures of one moment. */
import type { Channel } from '../../channels/channel.ts'
import type { ChannelSet } from '../../channels/channel-set.ts'
import type { ChannelLedger, OutageLeft, StoreLedger } from '../../channels/ledger/ledger.ts'
import type { DestinationDelivery } from '../../delivery/destination-delivery.ts'
import type { ChannelRow, ChannelTable } from '../../http/api/shapes/channels.ts'
import type { ClientList } from '../../http/api/shapes/clients.ts'
import type { DestinationList } from '../../http/api/shapes/destinations.ts'
import type { Ledger } from '../../http/api/shapes/ledger.ts'
import type { Overview, Verdict } from '../../http/api/shapes/overview.ts'
import type { Health } from '../../http/views/connector-view.ts'
import type { Snapshot } from '../../http/views/operator-view.ts'
import { timeText } from '../../iso-time.ts'
import type { ChannelCounts, Counts } from '../sampling/counters.ts'
import type { LossCounts } from '../sampling/hour-losses.ts'
import type { LevelHistory } from '../sampling/level-history.ts'
import type { Means } from '../sampling/mean-watch.ts'
import type { RefusedClients } from '../sampling/refused-clients.ts'
import { ledgerOf } from './accounts.ts'
import { channelRow, channelTable, type RowContext } from './channel-rows.ts'
import { clientList, type ReceivedByClient } from './client-rows.ts'
import {
  type DestinationContext,
  destinationDetail,
  destinationSummary,
} from './destination-rows.ts'
import { type Identity, overviewOf } from './overview.ts'
import { type ShownSource, sourceRow } from './source-rows.ts'

export interface MomentFacts {
  readonly channels: ChannelSet
  readonly deliveries: readonly DestinationDelivery[]
  readonly destinationKinds: readonly string[]
  readonly sources: readonly ShownSource[]
  readonly health: () => Health
  readonly storeLedger: () => StoreLedger
  readonly outage: () => readonly OutageLeft[]
  readonly memory: { readonly held: number; readonly maxBytes: number }
  readonly identity: Identity
  readonly nowMs: number
  readonly means: Means<Counts>
  readonly foundOf: (channel: string) => ChannelCounts
  readonly clientMeans: () => Means<ReceivedByClient>
  readonly levels: LevelHistory
  readonly losses: () => LossCounts
  readonly freeBytes: number | undefined
  readonly refused: RefusedClients
}

export class Moment implements Snapshot {
  readonly #facts: MomentFacts
  #health: Health | undefined
  #ledger: readonly ChannelLedger[] | undefined
  #outage: readonly OutageLeft[] | undefined
  #rows: readonly ChannelRow[] | undefined

  constructor(facts: MomentFacts) {
    this.#facts = facts
  }

  get channelLedger(): readonly ChannelLedger[] {
    this.#ledger ??= this.#facts.channels.ledger()
    return this.#ledger
  }

  get outage(): readonly OutageLeft[] {
    this.#outage ??= this.#facts.outage()
    return this.#outage
  }

  get rowContext(): RowContext {
    const { means, foundOf, channels } = this.#facts
    return {
      means,
      foundOf,
      channelOf: (name) => channels.get(name),
      outage: new Map(this.outage.map((row) => [row.channel, row])),
    }
  }

  get overview(): Overview {
    const { storeLedger, losses, refused, sources, means } = this.#facts
    return overviewOf({
      ...this.#facts,
      verdict: this.#verdict,
      ready: this.#healthNow.ready,
      ledger: this.channelLedger,
      store: storeLedger(),
      outage: this.outage,
      losses: losses(),
      rssBytes: process.memoryUsage.rss(),
      sources: sources.map((source) => sourceRow(source, means)),
      rows: this.#channelRows,
      destinations: this.#destinationContexts.map(destinationSummary),
      lastRefusal: refused.newest,
    })
  }

  get channelTable(): ChannelTable {
    return channelTable(this.#channelRows, this.#facts.nowMs)
  }

  get destinations(): DestinationList {
    return {
      now: timeText(this.#facts.nowMs),
      destinations: this.#destinationContexts.map(destinationDetail),
    }
  }

  get ledger(): Ledger {
    const { channels, nowMs } = this.#facts
    return ledgerOf(
      this.channelLedger,
      (name, destination) => messagesFor(channels.get(name), destination),
      nowMs,
    )
  }

  get clients(): ClientList {
    const { sources, clientMeans, refused, nowMs } = this.#facts
    const clients = sources.flatMap((source) => [...(source.clients ?? [])])
    return clientList(clients, clientMeans(), refused.list(), nowMs)
  }

  get #healthNow(): Health {
    this.#health ??= this.#facts.health()
    return this.#health
  }

  get #verdict(): Omit<Verdict, 'summary'> {
    const { levels, nowMs } = this.#facts
    const { level, verdict: text, problems } = this.#healthNow
    return {
      level,
      text,
      since: timeText(levels.note(level, nowMs)),
      problems: [...problems],
    }
  }

  get #channelRows(): readonly ChannelRow[] {
    if (this.#rows === undefined) {
      const context = this.rowContext
      this.#rows = this.channelLedger.map((row) => channelRow(row, context))
    }
    return this.#rows
  }

  get #destinationContexts(): DestinationContext[] {
    const { nowMs, means, channels, deliveries, destinationKinds } = this.#facts
    const { destinations } = this.#healthNow
    return deliveries.flatMap((delivery, index) => {
      const health = destinations[index]
      const kind = destinationKinds[index] ?? ''
      const ledger = this.channelLedger
      return health === undefined
        ? []
        : { nowMs, means, ledger, channels, index, kind, health, delivery }
    })
  }
}

function messagesFor(channel: Channel | undefined, destination: string): number | undefined {
  const cursor = channel?.cursors.find(({ name }) => name === destination)
  if (channel === undefined || cursor === undefined) return undefined
  return channel.log.end - cursor.position.base
}
