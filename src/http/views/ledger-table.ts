/** The ledger as a table of text, for people with curl. */
import type { ChannelLedger, OutageLeft } from '../../channels/ledger/ledger.ts'
import { durationText } from '../../channels/ledger/outage-forecast.ts'
import { printable } from '../../shown-text.ts'
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
  'outage left',
]

export function ledgerTable(
  channels: readonly ChannelLedger[],
  outage: readonly OutageLeft[],
): string {
  const left = new Map(outage.map((row) => [row.channel, durationText(row.seconds)]))
  const rows = [
    HEADINGS,
    ...channels.map((ledger) => [...row(ledger.channel, ledger), left.get(ledger.channel) ?? '-']),
    [...row('total', ledgerTotals(channels)), ''],
  ]
  const widths = HEADINGS.map((_heading, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  )
  const faults = channels.flatMap(({ fault }) => fault ?? [])
  return [...rows.map((cells) => aligned(cells, widths)), ...faults.map(printable)]
    .map((line) => `${line}\n`)
    .join('')
}

/** Names are aligned left, figures right. */
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
