/**
 * A table that becomes cards on a phone: then each cell has the name of its column before it. Rows
 * have keys, so a value that changes moves nothing.
 */
import type { ComponentChildren } from 'preact'

export interface Column<Row> {
  readonly name: string
  readonly cell: (row: Row) => ComponentChildren
  /** Figures are at the right. */
  readonly isFigure?: boolean
  /** In a card, it needs a line of its own. */
  readonly isWide?: boolean
  /** The first column of a card is its heading. */
  readonly isHeading?: boolean
}

export interface DataTableProps<Row> {
  /** Says what the table has, for screen readers. */
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string | number
}

export function DataTable<Row>({ caption, columns, rows, keyOf }: DataTableProps<Row>) {
  return (
    <table class="data-table">
      <caption class="visually-hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map(({ name, isFigure }) => (
            <th key={name} scope="col" class={isFigure === true ? 'is-figure' : ''}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map((column) => (
              <Cell key={column.name} column={column} row={row} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }) {
  const { name, cell, isFigure, isHeading, isWide } = column
  if (isHeading === true) return <th scope="row">{cell(row)}</th>
  return (
    <td
      data-column={name}
      class={`${isFigure === true ? 'is-figure' : ''} ${isWide === true ? 'is-wide' : ''}`}
    >
      {cell(row)}
    </td>
  )
}
