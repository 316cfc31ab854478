/** The first screen: what an operator wants to know first, from the figures of one moment. */
import type { ChannelLedger, OutageLeft, StoreLedger } from '../../channels/ledger/ledger.ts'
import type { ChannelRow } from '../../http/api/shapes/channels.ts'
import type {
  DestinationSummary,
  Overview,
  SourceRow,
  Verdict,
} from '../../http/api/shapes/overview.ts'
import { timeText } from '../../iso-time.ts'
import type { Counts } from '../sampling/counters.ts'
import type { LossCounts } from '../sampling/hour-losses.ts'
import { type Means, rateOf } from '../sampling/mean-watch.ts'
import type { Refused } from '../sampling/refused-clients.ts'
import { byTrouble } from './channel-rows.ts'
import { lostOfAll } from './losses.ts'
import { summaryOf } from './summary.ts'

const MAX_CHANNELS = 10

/** What does not change while the connector runs. */
export interface Identity {
  readonly instance: string
  readonly version: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

export interface OverviewFacts {
  readonly identity: Identity
  readonly nowMs: number
  readonly verdict: Omit<Verdict, 'summary'>
  readonly ready: boolean
  readonly means: Means<Counts>
  readonly ledger: readonly ChannelLedger[]
  readonly store: StoreLedger
  readonly freeBytes: number | undefined
  readonly outage: readonly OutageLeft[]
  readonly losses: LossCounts
  readonly memory: { readonly held: number; readonly maxBytes: number }
  readonly rssBytes: number
  readonly sources: readonly SourceRow[]
  readonly rows: readonly ChannelRow[]
  readonly destinations: readonly DestinationSummary[]
  readonly lastRefusal: Refused | undefined
}

export function overviewOf(facts: OverviewFacts): Overview {
  const { identity, nowMs, means, ledger, store, memory, rows, verdict } = facts
  const outageLeft = shortest(facts.outage)
  const lost = lostOfAll(ledger, facts.losses)
  const parts = [...facts.sources, ...facts.destinations]
  const summary = summaryOf({
    ...{ ...verdict, lost, outageLeft },
    isDelivering: facts.destinations.every(({ state }) => state === 'working'),
    names: parts.map(({ name }) => name),
  })
  return {
    now: timeText(nowMs),
    instance: identity.instance,
    version: identity.version,
    startedAt: timeText(identity.startedAt),
    verdict: { ...verdict, summary },
    ready: facts.ready,
    rates: {
      in: totalRate(means, 'received'),
      stored: totalRate(means, 'stored'),
      delivered: totalRate(means, 'delivered'),
    },
    received: ledger.reduce((sum, { received }) => sum + received, 0),
    waiting: waitingOf(means, rows),
    outageLeft,
    lost,
    deadLetters: store.deadLetters ?? null,
    disk: {
      bytes: store.bytes,
      maxBytes: store.maxBytes ?? null,
      historyBytes: store.historyBytes,
      freeBytes: facts.freeBytes ?? null,
    },
    memory: {
      bytes: memory.held,
      maxBytes: Number.isFinite(memory.maxBytes) ? memory.maxBytes : null,
      rssBytes: facts.rssBytes,
    },
    sources: [...facts.sources],
    channels: [...rows].sort(byTrouble).slice(0, MAX_CHANNELS),
    channelCount: rows.length,
    destinations: [...facts.destinations],
    lastRefusal: refusalOf(facts.lastRefusal),
  }
}

function totalRate(
  { before, now, seconds }: Means<Counts>,
  line: 'received' | 'stored' | 'delivered',
): number {
  return rateOf(before.total[line], now.total[line], seconds)
}

function waitingOf(
  { before, now, seconds }: Means<Counts>,
  rows: readonly ChannelRow[],
): Overview['waiting'] {
  const messages = now.total.waiting
  const shrinks = (before.total.waiting - messages) / seconds
  const oldest = rows.flatMap(({ oldestAt }) => oldestAt ?? []).sort()
  return {
    messages,
    oldestAt: oldest[0] ?? null,
    goneInSeconds: messages > 0 && shrinks > 0 ? Math.round(messages / shrinks) : null,
  }
}

function shortest(outage: readonly OutageLeft[]): OutageLeft | null {
  let first: OutageLeft | null = null
  for (const row of outage) if (first === null || row.seconds < first.seconds) first = row
  return first
}

function refusalOf(refused: Refused | undefined): Overview['lastRefusal'] {
  if (refused === undefined) return null
  const { at, who, reason } = refused
  return { at: timeText(at), who, reason }
}
