/** The rows of channels that are set aside. */
import type { LogFault } from '../log/channel-log.ts'
import type { ChannelLedger } from './ledger.ts'

/** The row of a channel of which only refused messages are known. */
export function rowOfRefusals(
  channel: string,
  dropped: Readonly<Record<string, number>>,
): ChannelLedger {
  return {
    channel,
    received: Object.values(dropped).reduce((sum, count) => sum + count, 0),
    delivered: 0,
    rejected: 0,
    dropped: { ...dropped },
    expired: 0,
    waiting: 0,
    inFlight: 0,
    bytes: 0,
    oldestWaitingAt: undefined,
    readers: {},
  }
}

/**
 * All rows, with the faults of channels in them, and a row for each faulty channel that has none.
 * @param isOpen whether the channel's figures are known
 */
export function withFaults(
  rows: readonly ChannelLedger[],
  faults: readonly LogFault[],
  isOpen: (channel: string) => boolean,
): ChannelLedger[] {
  if (faults.length === 0) return [...rows]
  const all = new Map(rows.map((row) => [row.channel, row]))
  for (const { channel, refusal } of faults) {
    const row = all.get(channel) ?? rowOfRefusals(channel, {})
    const about = isOpen(channel) ? {} : { isUnopened: true }
    all.set(channel, { ...row, ...about, fault: refusal.message })
  }
  return [...all.values()]
}
