/** The sum of all channels' ledgers. */
import type { ChannelLedger } from '../../channels/ledger/ledger.ts'

export type LedgerTotals = Pick<
  ChannelLedger,
  'received' | 'delivered' | 'rejected' | 'dropped' | 'expired' | 'waiting' | 'inFlight' | 'bytes'
>

export function ledgerTotals(channels: readonly ChannelLedger[]): LedgerTotals {
  const sum = (figure: (ledger: ChannelLedger) => number): number =>
    channels.reduce((total, ledger) => total + figure(ledger), 0)
  const dropped: Record<string, number> = {}
  for (const ledger of channels) {
    for (const [code, count] of Object.entries(ledger.dropped)) {
      dropped[code] = (dropped[code] ?? 0) + count
    }
  }
  return {
    received: sum((ledger) => ledger.received),
    delivered: sum((ledger) => ledger.delivered),
    rejected: sum((ledger) => ledger.rejected),
    dropped,
    expired: sum((ledger) => ledger.expired),
    waiting: sum((ledger) => ledger.waiting),
    inFlight: sum((ledger) => ledger.inFlight),
    bytes: sum((ledger) => ledger.bytes),
  }
}
