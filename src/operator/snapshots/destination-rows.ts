/** The destinations: their state, what waits for them, and what became of their messages. */
import type { Channel } from '../../channels/channel.ts'
import type { ChannelLedger, ReaderLedger } from '../../channels/ledger/ledger.ts'
import type { DestinationDelivery } from '../../delivery/destination-delivery.ts'
import type { DestinationDetail } from '../../http/api/shapes/destinations.ts'
import type { DestinationSummary } from '../../http/api/shapes/overview.ts'
import type { DestinationHealth, WaitingChannel } from '../../http/views/destinations-view.ts'
import { timeText } from '../../iso-time.ts'
import type { Counts } from '../sampling/counters.ts'
import { type Means, rateOf } from '../sampling/mean-watch.ts'

const MAX_CHANNELS = 50
const ANSWERS_MS = 5 * 60_000

export interface DestinationContext {
  readonly nowMs: number
  readonly means: Means<Counts>
  readonly ledger: readonly ChannelLedger[]
  readonly channels: Iterable<Channel>
  /** The place in the configuration, 0 for the primary. */
  readonly index: number
  readonly kind: string
  readonly health: DestinationHealth
  readonly delivery: DestinationDelivery
}

export function destinationSummary(context: DestinationContext): DestinationSummary {
  const { means, health, kind } = context
  const { name } = health
  const { before, now, seconds } = means
  return {
    name,
    kind,
    state: health.state,
    since: health.since,
    nextAttemptAt: health.nextAttemptAt,
    lastSuccessAt: health.lastSuccessAt,
    out: rateOf(before.destinations.get(name) ?? 0, now.destinations.get(name) ?? 0, seconds),
    waiting: sumOf(context, ({ waiting, inFlight }) => waiting + inFlight),
    error: health.error,
    error_message: health.error_message,
  }
}

export function destinationDetail(context: DestinationContext): DestinationDetail {
  const { health, delivery, index } = context
  const { channels, channelCount } = waitingChannels(context)
  return {
    ...destinationSummary(context),
    description: delivery.destination.description,
    isPrimary: index === 0,
    attempts: health.attempts,
    lastRejectedAt: health.lastRejectedAt,
    rejectedInARow: health.rejectedInARow,
    oldestWaitingAt: health.oldestWaitingAt,
    unansweredSince: health.unansweredSince,
    advice: null,
    answers: answersOf(delivery, context.nowMs),
    delivered: sumOf(context, ({ delivered }) => delivered),
    rejected: sumOf(context, ({ rejected }) => rejected),
    dropped: sumOf(context, ({ dropped }) =>
      Object.values(dropped).reduce((sum, count) => sum + count, 0),
    ),
    expired: sumOf(context, ({ expired }) => expired),
    channels,
    channelCount,
  }
}

function answersOf({ trail }: DestinationDelivery, nowMs: number): DestinationDetail['answers'] {
  const durations = trail.answersSince(nowMs - ANSWERS_MS).sort((one, other) => one - other)
  const at = (part: number) => durations[Math.floor(part * (durations.length - 1))]
  const [p50, p99] = [at(0.5), at(0.99)]
  if (p50 === undefined || p99 === undefined) return null
  return { p50: Math.round(p50) / 1000, p99: Math.round(p99) / 1000 }
}

function sumOf(
  { ledger, index, health }: DestinationContext,
  figure: (row: ReaderLedger) => number,
): number {
  let sum = 0
  for (const row of ledger) {
    const own = index === 0 ? row : row.readers[health.name]
    if (own !== undefined) sum += figure(own)
  }
  return sum
}

interface Waiting {
  readonly channel: string
  readonly waiting: number
  /** 0: not known yet. */
  readonly oldestAt: number
}

function waitingChannels({ channels, health }: DestinationContext) {
  const all: Waiting[] = []
  for (const { name: channel, log, cursors } of channels) {
    const cursor = cursors.find(({ name }) => name === health.name)
    if (cursor === undefined) continue
    const waiting = cursor.position.unsettled(log.end)
    if (waiting > 0) all.push({ channel, waiting, oldestAt: cursor.oldestWaitingAt ?? 0 })
  }
  all.sort((one, other) => one.oldestAt - other.oldestAt || other.waiting - one.waiting)
  const retries = new Map(health.channels.map((retry) => [retry.channel, retry]))
  const shown = all.slice(0, MAX_CHANNELS)
  return {
    channels: shown.map((row) => waitingRow(row, retries.get(row.channel))),
    channelCount: all.length,
  }
}

function waitingRow({ channel, waiting, oldestAt }: Waiting, retry: WaitingChannel | undefined) {
  return {
    channel,
    waiting,
    oldestAt: oldestAt === 0 ? null : timeText(oldestAt),
    nextAttemptAt: retry?.nextAttemptAt ?? null,
    attempts: retry?.attempts ?? 0,
  }
}
