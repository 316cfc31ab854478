/** Tables of text: names at the left of their column, figures at the right. */
import type { Paint } from './style.ts'
import { fitted, widthOf } from './text-width.ts'

export interface Column {
  readonly heading: string
  readonly isFigure?: boolean
  /** Cut to make room. */
  readonly mayShrink?: boolean
  /** Left out where there is no room for all columns, the last one first. */
  readonly mayGo?: boolean
}

/** `-` stands for no figure, `0` for none. */
export const NO_FIGURE = '-'

export interface Cell {
  readonly text: string
  readonly paint?: Paint | undefined
}

export type Row = readonly (string | Cell)[]

export interface TableForm {
  /** Undefined: as wide as it is. */
  readonly columns?: number | undefined
  readonly heading?: Paint | undefined
}

const GAP = '  '
const MIN_SHRUNK = 8

/** The heading and a line for each row. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly Row[],
  { columns: room = Number.POSITIVE_INFINITY, heading }: TableForm = {},
): string[] {
  const head: Row = columns.map((column) => ({ text: column.heading, paint: heading }))
  const all = [head, ...rows]
  const natural = columns.map((_column, index) =>
    Math.max(...all.map((row) => widthOf(textOf(row[index])))),
  )
  const widths = widthsWithin(room, columns, natural)
  return all.map((row) => line(row, columns, widths))
}

/** 0 for a column that is left out. */
function widthsWithin(
  room: number,
  columns: readonly Column[],
  natural: readonly number[],
): readonly number[] {
  const widths = [...natural]
  const least = columns.map(({ mayShrink }, index) =>
    mayShrink === true ? Math.min(natural[index] ?? 0, MIN_SHRUNK) : (natural[index] ?? 0),
  )
  for (let index = columns.length - 1; index >= 0 && total(least) > room; index--) {
    if (columns[index]?.mayGo !== true) continue
    least[index] = 0
    widths[index] = 0
  }
  // The widest gives way first.
  while (total(widths) > room) {
    const widest = columns.reduce(
      (found, { mayShrink }, index) =>
        mayShrink === true && widths[index] !== 0 && (widths[index] ?? 0) > (widths[found] ?? -1)
          ? index
          : found,
      -1,
    )
    const width = widths[widest] ?? 0
    if (width <= MIN_SHRUNK) break
    widths[widest] = Math.max(MIN_SHRUNK, width - (total(widths) - room))
  }
  return widths
}

function total(widths: readonly number[]): number {
  const present = widths.filter((width) => width > 0)
  return present.reduce((sum, width) => sum + width, 0) + GAP.length * (present.length - 1)
}

function line(row: Row, columns: readonly Column[], widths: readonly number[]): string {
  const cells = columns.flatMap(({ isFigure }, index) => {
    const width = widths[index] ?? 0
    if (width === 0) return []
    const cell = row[index] ?? ''
    const text = fitted(textOf(cell), width)
    const padding = ' '.repeat(Math.max(0, width - widthOf(text)))
    const shown = typeof cell === 'object' && cell.paint !== undefined ? cell.paint(text) : text
    return [isFigure === true ? `${padding}${shown}` : `${shown}${padding}`]
  })
  return cells.join(GAP).trimEnd()
}

function textOf(cell: string | Cell | undefined): string {
  return typeof cell === 'object' ? cell.text : (cell ?? '')
}
