/** The ledger as a table of text, for people with curl. */
import type { ChannelLedger } from '../channels/ledger.ts'
import { type LedgerTotals, ledgerTotals } from './ledger-totals.ts'

const HEADINGS = [
  'channel',
  'received',
  'delivered',
  'rejected',
  'dropped',
  'expired',
  'waiting',
  'in flight',
  'bytes',
]

export function ledgerTable(channels: readonly ChannelLedger[]): string {
  const rows = [
    HEADINGS,
    ...channels.map((ledger) => row(ledger.channel, ledger)),
    row('total', ledgerTotals(channels)),
  ]
  const widths = HEADINGS.map((_heading, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  )
  return rows.map((cells) => `${aligned(cells, widths)}\n`).join('')
}

/** Names to the left, figures to the right. */
function aligned(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    )
    .join('  ')
}

function row(name: string, figures: LedgerTotals): string[] {
  const dropped = Object.values(figures.dropped).reduce((sum, count) => sum + count, 0)
  const { received, delivered, rejected, expired, waiting, inFlight, bytes } = figures
  return [
    name,
    ...[received, delivered, rejected, dropped, expired, waiting, inFlight, bytes].map(String),
  ]
}
