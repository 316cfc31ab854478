/**
 * The rows in blocks of a hundred; browsers lay out and paint only the blocks that are seen. The
 * style sheet makes blocks and grids of the table's parts, because rows cannot be left out of the
 * layout.
 */
import { useMemo } from 'preact/hooks'
import { VisibleText } from '../../../parts/visible-text.tsx'
import type { Cell, Result } from './result-row.ts'

const BLOCK = 100
const MAX_CHARACTERS = 300
/** In characters. */
const MIN_WIDTH = 6
const MAX_WIDTH = 44
/** Rows that decide about the widths. */
const MEASURED = 200

export function ResultTable({ result }: { result: Result }) {
  const { columns, rows } = result
  const layout = useMemo(() => {
    const widths = columns.map((name, index) => `${widthOf(name, rows, index)}ch`)
    return { gridTemplateColumns: widths.join(' ') }
  }, [columns, rows])
  const blocks = Array.from({ length: Math.ceil(rows.length / BLOCK) }, (_, block) =>
    rows.slice(block * BLOCK, (block + 1) * BLOCK),
  )
  return (
    // A keyboard must be able to scroll it.
    <div class="result-scroll" tabIndex={0} role="group" aria-label="Rows of the result">
      <table class="result-table">
        <thead class="result-head">
          <tr class="result-row" style={layout}>
            {columns.map((name, index) => (
              <th key={index} scope="col" class={isFigure(rows, index) ? 'is-figure' : ''}>
                <VisibleText text={name} maxCharacters={128} />
              </th>
            ))}
          </tr>
        </thead>
        {blocks.map((some, block) => (
          <tbody key={block} class="result-block">
            {some.map((row, index) => (
              <tr key={index} class="result-row" style={layout}>
                {row.map((cell, column) => (
                  <ResultCell key={column} cell={cell} />
                ))}
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </div>
  )
}

function ResultCell({ cell: { kind, text } }: { cell: Cell }) {
  if (kind === 'null') return <td class="is-null">NULL</td>
  return (
    <td class={kind === 'number' ? 'is-figure' : ''}>
      <VisibleText text={text} maxCharacters={MAX_CHARACTERS} />
    </td>
  )
}

type Rows = Result['rows']

function widthOf(name: string, rows: Rows, index: number): number {
  const lengths = rows.slice(0, MEASURED).map((row) => row[index]?.text.length ?? 0)
  const longest = Math.max(name.length, MIN_WIDTH, ...lengths)
  // Digits are as wide as a `ch`; many letters are wider.
  return Math.min(MAX_WIDTH, longest + 4)
}

function isFigure(rows: Rows, index: number): boolean {
  return rows.find((row) => row[index]?.kind !== 'null')?.[index]?.kind === 'number'
}
