/** Accounts side by side, a row each, exact. */
import type { ComponentChildren } from 'preact'
import { exactCount } from '../../../src/format/count.ts'
import type { Account } from '../../../src/http/api/shapes/ledger.ts'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { droppedOf } from './account-parts.ts'
import { AddsUp } from './waterfall.tsx'

export interface AccountTableProps<Row extends Account> {
  readonly caption: string
  /** What the rows are of: `Channel`. */
  readonly of: string
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  readonly name: (row: Row) => ComponentChildren
}

export function AccountTable<Row extends Account>(props: AccountTableProps<Row>) {
  const { caption, of, rows, keyOf, name } = props
  return (
    <DataTable
      caption={caption}
      columns={[{ name: of, isHeading: true, cell: name }, ...FIGURES]}
      rows={rows}
      keyOf={keyOf}
    />
  )
}

const FIGURES: readonly Column<Account>[] = [
  { name: 'Received', isFigure: true, cell: ({ received }) => exactCount(received) },
  { name: 'Delivered', isFigure: true, cell: ({ delivered }) => exactCount(delivered) },
  { name: 'Rejected', isFigure: true, cell: ({ rejected }) => <Loss count={rejected} /> },
  {
    name: 'Dropped',
    isFigure: true,
    cell: (account) => <Loss count={droppedOf(account)} reasons={account.dropped} />,
  },
  { name: 'Expired', isFigure: true, cell: ({ expired }) => <Loss count={expired} /> },
  { name: 'Waiting', isFigure: true, cell: ({ waiting }) => exactCount(waiting) },
  { name: 'In flight', isFigure: true, cell: ({ inFlight }) => exactCount(inFlight) },
  { name: 'Sum', cell: (account) => <AddsUp account={account} /> },
]

function Loss({ count, reasons = {} }: { count: number; reasons?: Account['dropped'] }) {
  const title = Object.entries(reasons)
    .map(([code, times]) => `${code} ${exactCount(times)}`)
    .join(', ')
  return (
    <span class={count > 0 ? 'is-loss' : 'quiet'} title={title}>
      {exactCount(count)}
    </span>
  )
}
