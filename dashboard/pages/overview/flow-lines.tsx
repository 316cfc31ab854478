/**
 * The lines between two columns. Which source feeds which channel is not counted, so all lines meet
 * in the middle: their weights are true, and nothing is claimed beyond them.
 */
const WIDTH = 100
/** The height of a row in the style sheet, in its units here. */
const ROW = 32
const THINNEST = 1
const THICKEST = 9
/** The rate that has the thickest line. */
const FULL_RATE = 100_000

export interface FlowLinesProps {
  readonly rows: number
  readonly left: readonly number[]
  readonly right: readonly number[]
}

export function FlowLines({ rows, left, right }: FlowLinesProps) {
  const height = rows * ROW
  if (left.length === 0 || right.length === 0) return <div class="flow-lines" />
  return (
    <svg
      class="flow-lines"
      viewBox={`0 0 ${WIDTH} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {[...linesOf(left, height, 0), ...linesOf(right, height, WIDTH)]}
    </svg>
  )
}

function linesOf(rates: readonly number[], height: number, x: number) {
  const top = (height - rates.length * ROW) / 2
  const middle = height / 2
  return rates.map((rate, index) => {
    const y = top + (index + 0.5) * ROW
    const bend = x === 0 ? WIDTH / 4 : (WIDTH * 3) / 4
    return (
      <path
        key={`${x}/${index}`}
        class={rate > 0 ? 'flow-line' : 'flow-line is-idle'}
        d={`M${x} ${y}C${bend} ${y} ${bend} ${middle} ${WIDTH / 2} ${middle}`}
        style={{ strokeWidth: weightOf(rate).toFixed(1) }}
        vector-effect="non-scaling-stroke"
      />
    )
  })
}

function weightOf(rate: number): number {
  const share = Math.log10(1 + rate) / Math.log10(1 + FULL_RATE)
  return THINNEST + Math.min(1, share) * (THICKEST - THINNEST)
}
