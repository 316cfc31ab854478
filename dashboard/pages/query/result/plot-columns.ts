/** What can be plotted of a result: the first column of times, and the columns of numbers. */
import type { Result } from './result-row.ts'

export interface PlottedColumns {
  /** The name of the column of times. */
  readonly x: string
  /** Seconds since 1970, in order. */
  readonly times: readonly number[]
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]
  /** Columns of numbers beyond the lines that can be distinguished. */
  readonly omitted: readonly string[]
}

export const MAX_LINES = 8

const TIME = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?$/

/** Undefined without a column of times or without numbers. */
export function plottedColumns({ columns, rows }: Result): PlottedColumns | undefined {
  const cellsAt = (index: number) => rows.map((row) => row[index])
  const x = columns.findIndex((_, index) =>
    isAll(cellsAt(index), (cell) => cell.kind === 'text' && TIME.test(cell.text)),
  )
  if (x === -1) return undefined
  const numbers = columns
    .map((name, index) => ({ name, index }))
    .filter(({ index }) => isAll(cellsAt(index), ({ kind }) => kind === 'number'))
  const points = rows
    .map((row) => ({ row, time: secondsOf(row[x]?.text ?? '') }))
    .filter(({ time }) => !Number.isNaN(time))
    .sort((one, other) => one.time - other.time)
  if (numbers.length === 0 || points.length === 0) return undefined
  return {
    x: columns[x] ?? '',
    times: points.map(({ time }) => time),
    series: numbers.slice(0, MAX_LINES).map(({ name, index }) => ({
      name,
      values: points.map(({ row }) => numberOf(row[index])),
    })),
    omitted: numbers.slice(MAX_LINES).map(({ name }) => name),
  }
}

type MaybeCell = Result['rows'][number][number] | undefined

/** NULL is any kind; a column of NULL alone is none. */
function isAll(
  cells: readonly MaybeCell[],
  test: (cell: NonNullable<MaybeCell>) => boolean,
): boolean {
  const there = cells.filter((cell) => cell !== undefined && cell.kind !== 'null')
  return there.length > 0 && there.every((cell) => cell !== undefined && test(cell))
}

function numberOf(cell: MaybeCell): number | null {
  return cell === undefined || cell.kind === 'null' ? null : Number(cell.text)
}

/** Times without a zone are in UTC, as `arrival_time` is. */
function secondsOf(text: string): number {
  const iso = text.replace(' ', 'T').replace(/(:\d\d(?:\.\d+)?[+-]\d\d)$/, '$1:00')
  const hasTime = iso.includes('T')
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/.test(iso.slice(10))
  return Date.parse(hasTime && !hasZone ? `${iso}Z` : iso) / 1000
}
