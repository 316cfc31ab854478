/**
 * A table for people, as wide as the terminal. The first rows decide how wide the columns are, so
 * that a long result can be shown while it comes:
 *
 *     device    temp  note
 *     ────────  ────  ───────
 *     d-1       21.5  ok
 *     d-2       NULL  a very…
 */
import type { DuckDBBlobValue, DuckDBValue } from '@duckdb/node-api'
import { cut, printable } from '../../../shown-text.ts'
import { loadDuckdb } from '../../duckdb/load-duckdb.ts'
import type { ResultColumn, ResultRow, RowFormat } from './row-format.ts'
import { valueText } from './value-text.ts'

/** Characters of a value at most, however wide the output is. */
const MAX_CELL = 1_000
/** A column is not made narrower than this to let others in. */
const MIN_SHARE = 8
const GAP = '  '
const NUMBERS = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL.*|DOUBLE|FLOAT)$/
const utf8 = new TextDecoder('utf-8', { fatal: true })
const duckdb = loadDuckdb()

interface TableColumn {
  readonly name: string
  readonly isNumber: boolean
  readonly width: number
}

export class Table implements RowFormat {
  /** Characters of a line; infinite if nobody looks at it in a terminal. */
  readonly #width: number
  #columns: readonly ResultColumn[] = []
  /** Undefined before the first rows. */
  #fitted: readonly TableColumn[] | undefined

  constructor(width = Number.POSITIVE_INFINITY) {
    this.#width = width
  }

  begin(columns: readonly ResultColumn[]): string {
    this.#columns = columns
    return ''
  }

  rows(rows: readonly ResultRow[]): string {
    const cells = rows.map((row) => row.map(cellText))
    const heading = this.#fitted === undefined ? this.#fit(cells) : ''
    return heading + cells.map((row) => this.#line(row)).join('')
  }

  end(): string {
    return this.#fitted === undefined ? this.#fit([]) : ''
  }

  /** The two lines above the rows. */
  #fit(cells: readonly (readonly string[])[]): string {
    const names = this.#columns.map(({ name }) => printable(cut(name, MAX_CELL)))
    const wanted = names.map((name, index) =>
      cells.reduce((most, row) => Math.max(most, lengthOf(row[index] ?? '')), lengthOf(name)),
    )
    const widths = shares(wanted, this.#width)
    this.#fitted = widths.map((width, index) => ({
      name: names[index] ?? '',
      isNumber: NUMBERS.test(this.#columns[index]?.type ?? ''),
      width,
    }))
    const hidden = names.length - widths.length
    const more = hidden === 0 ? '' : `${GAP}(${hidden} more)`
    const heading = `${this.#line(names).trimEnd()}${more}\n`
    return `${heading}${widths.map((width) => '─'.repeat(width)).join(GAP)}\n`
  }

  #line(cells: readonly string[]): string {
    const parts = (this.#fitted ?? []).map(({ width, isNumber }, index) =>
      fitted(cells[index] ?? '', width, isNumber, this.#width),
    )
    return `${parts.join(GAP).trimEnd()}\n`
  }
}

/** How wide the columns are: as many as fit, with the widest ones made narrower. */
function shares(wanted: readonly number[], total: number): number[] {
  const least = wanted.map((width) => Math.min(width, MIN_SHARE))
  const widths: number[] = []
  let left = total
  for (const width of least) {
    const needed = width + (widths.length === 0 ? 0 : GAP.length)
    if (widths.length > 0 && needed > left) break
    widths.push(width)
    left -= needed
  }
  if (left === Number.POSITIVE_INFINITY) return [...wanted]
  while (left > 0) {
    const index = narrowest(widths, wanted)
    if (index === -1) break
    widths[index] = (widths[index] ?? 0) + 1
    left--
  }
  return widths
}

/** Of the columns that want more, the one that has least; -1 if there is none. */
function narrowest(widths: readonly number[], wanted: readonly number[]): number {
  let found = -1
  let least = Number.POSITIVE_INFINITY
  for (const [index, width] of widths.entries()) {
    if (width >= (wanted[index] ?? 0) || width >= least) continue
    found = index
    least = width
  }
  return found
}

function fitted(text: string, width: number, isNumber: boolean, total: number): string {
  const characters = [...text]
  if (characters.length > width) {
    // A longer value among later rows is cut only where it would leave the terminal.
    return total === Number.POSITIVE_INFINITY ? text : `${characters.slice(0, width - 1).join('')}…`
  }
  const space = ' '.repeat(width - characters.length)
  return isNumber ? space + text : text + space
}

function lengthOf(text: string): number {
  return [...text].length
}

function cellText(value: DuckDBValue): string {
  if (value === null) return 'NULL'
  const text = value instanceof duckdb.DuckDBBlobValue ? blobText(value) : valueText(value)
  return printable(cut(text, MAX_CELL))
}

/** Most payloads are text. */
function blobText(value: DuckDBBlobValue): string {
  try {
    return utf8.decode(value.bytes)
  } catch {
    return valueText(value)
  }
}
