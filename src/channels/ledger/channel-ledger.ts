/** A channel's ledger, added up from its log, its cursors and what was refused on arrival. */

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
    // What was in the log before the primary reader had been delivered: to the store.
    delivered: fates.delivered + (primary?.position.base ?? 0),
    dropped: sumUp(refused, fates.dropped),
    bytes: log.bytes,
    // 0, not known, is for who has to decide; here it would be read as 1970.
    oldestWaitingAt: primary?.oldestWaitingAt || undefined,
    readers: Object.fromEntries(others.map((cursor) => [cursor.reader, readerLedger(log, cursor)])),
  }
}

/** Without readers the store is the destination, for all that no reader before it settled otherwise. */
function storedAlone(log: ChannelLog, before: CursorState | undefined): ReaderLedger {
  const { [EXPIRED]: expired = 0, ...dropped } = before?.dropped ?? {}
  const rejected = before?.rejected ?? 0
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

function sumUp(left: Counts, right: Counts): Counts {
  const sum: Record<string, number> = { ...left }
  for (const [code, count] of Object.entries(right)) sum[code] = (sum[code] ?? 0) + count
  return sum
}

function sumOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
