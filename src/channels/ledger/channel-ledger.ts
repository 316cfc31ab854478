/** Adds up a channel's ledger from its log, its cursors and its refused messages. */
import type { Cursor } from '../cursors/cursor.ts'
import type { ChannelLog, CursorState } from '../log/channel-log.ts'
import type { ChannelLedger, ReaderLedger } from './ledger.ts'

const EXPIRED = 'MessageExpired'

type Counts = Readonly<Record<string, number>>

export function channelLedger(
  log: ChannelLog,
  cursors: readonly Cursor[],
  refused: Counts,
  formerPrimary: CursorState | undefined,
): ChannelLedger {
  const [primary, ...others] = cursors
  const fates = primary === undefined ? storedAlone(log, formerPrimary) : readerLedger(log, primary)
  return {
    channel: log.channel,
    received: log.end + sumOf(refused),
    ...fates,
    // Messages older than the primary cursor were delivered to the store.
    delivered: fates.delivered + (primary?.position.base ?? 0),
    dropped: sumUp(refused, fates.dropped),
    bytes: log.bytes,
    // 0 means "not known" for scheduling; here it would be read as 1970.
    oldestWaitingAt: primary?.oldestWaitingAt || undefined,
    readers: Object.fromEntries(others.map((cursor) => [cursor.name, readerLedger(log, cursor)])),
  }
}

/**
 * Without cursors the store is the destination: all messages are delivered to it, except those that
 * a former primary cursor settled otherwise.
 */
function storedAlone(log: ChannelLog, formerPrimary: CursorState | undefined): ReaderLedger {
  const { [EXPIRED]: expired = 0, ...dropped } = formerPrimary?.dropped ?? {}
  const rejected = formerPrimary?.rejected ?? 0
  return {
    delivered: log.committed - rejected - expired - sumOf(dropped),
    rejected,
    dropped,
    expired,
    waiting: log.end - log.committed,
    inFlight: 0,
  }
}

function readerLedger(log: ChannelLog, { position }: Cursor): ReaderLedger {
  const { [EXPIRED]: expired = 0, ...dropped } = position.dropped
  return {
    delivered: position.delivered,
    rejected: position.rejected,
    dropped,
    expired,
    waiting: position.unsettled(log.end) - position.inFlight,
    inFlight: position.inFlight,
  }
}

export function sumUp(left: Counts, right: Counts): Counts {
  const sum: Record<string, number> = { ...left }
  for (const [code, count] of Object.entries(right)) sum[code] = (sum[code] ?? 0) + count
  return sum
}

function sumOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
