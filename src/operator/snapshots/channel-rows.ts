/** The rows of channels, and their order. */
import type { Channel } from '../../channels/channel.ts'
import type { ChannelLedger, OutageLeft, ReaderLedger } from '../../channels/ledger/ledger.ts'
import type { ChannelRow, ChannelTable } from '../../http/api/shapes/channels.ts'
import { timeText } from '../../iso-time.ts'
import { cut, printable } from '../../shown-text.ts'
import { type ChannelCounts, type Counts, NOTHING } from '../sampling/counters.ts'
import { NO_LOSS } from '../sampling/hour-losses.ts'
import { type Means, rateOf } from '../sampling/mean-watch.ts'

const MAX_ROWS = 200
/** The operating system words a part of it. */
const MAX_FAULT = 1_000

export interface RowContext {
  readonly means: Means<Counts>
  readonly foundOf: (channel: string) => ChannelCounts
  readonly channelOf: (name: string) => Channel | undefined
  readonly outage: ReadonlyMap<string, OutageLeft>
}

export function channelRow(ledger: ChannelLedger, context: RowContext): ChannelRow {
  const { means, foundOf, channelOf, outage } = context
  const { channel: name, fault } = ledger
  const now = means.now.channels.get(name) ?? NOTHING
  const before = means.before.channels.get(name) ?? foundOf(name)
  const left = outage.get(name)
  const oldest = oldestWaiting(channelOf(name))
  return {
    name,
    in: rateOf(before.received, now.received, means.seconds),
    out: rateOf(before.delivered, now.delivered, means.seconds),
    waiting: now.waiting,
    inFlight: ledger.inFlight,
    oldestAt: oldest === undefined ? null : timeText(oldest),
    outageLeftSeconds: left === undefined ? null : left.seconds,
    lost: lostOf(ledger),
    fault: fault === undefined ? null : printable(cut(fault, MAX_FAULT)),
  }
}

/** Of all destinations. After a start it is not known until the first messages are read. */
function oldestWaiting(channel: Channel | undefined): number | undefined {
  const times = channel?.cursors.flatMap(({ oldestWaitingAt }) => oldestWaitingAt || []) ?? []
  return times.length === 0 ? undefined : Math.min(...times)
}

/** By the destination that has lost the most; messages refused on arrival count for all. */
export function lostOf(ledger: ChannelLedger): number {
  const others = Object.values(ledger.readers).map(lostBy)
  return Math.max(lostBy(ledger), ...others)
}

function lostBy({ rejected, dropped, expired }: ReaderLedger): number {
  let lost = rejected + expired
  for (const code in dropped) if (code !== NO_LOSS) lost += dropped[code] ?? 0
  return lost
}

/** Those in trouble first, then by rate, then by name. */
export function byTrouble(one: ChannelRow, other: ChannelRow): number {
  const trouble = Number(other.fault !== null) - Number(one.fault !== null)
  if (trouble !== 0) return trouble
  const backlog = Number(isBehind(other)) - Number(isBehind(one))
  if (backlog !== 0) return backlog
  if (one.in !== other.in) return other.in - one.in
  return one.name < other.name ? -1 : 1
}

/** More than a minute's messages wait. */
function isBehind({ waiting, in: rate }: ChannelRow): boolean {
  return waiting > 1_000 && waiting > 60 * rate
}

export function channelTable(rows: readonly ChannelRow[], nowMs: number): ChannelTable {
  const sorted = [...rows].sort(byTrouble)
  const others = sorted.splice(MAX_ROWS)
  const sum = (figure: (row: ChannelRow) => number) =>
    others.reduce((total, row) => total + figure(row), 0)
  return {
    now: timeText(nowMs),
    rows: sorted,
    others:
      others.length === 0
        ? null
        : {
            count: others.length,
            in: sum((row) => row.in),
            out: sum((row) => row.out),
            waiting: sum((row) => row.waiting),
            lost: sum((row) => row.lost),
          },
  }
}
