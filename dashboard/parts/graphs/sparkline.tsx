/** A small line without axes, the newest value at the right. */
const WIDTH = 120
const HEIGHT = 28
/** Half of the line's width, so that peaks are not cut. */
const MARGIN = 1.5
/** One point for two pixels. */
const MAX_POINTS = 60

export interface SparklineProps {
  readonly values: readonly number[]
  /** What a screen reader says, such as `in, last hour: at most 1,204/s`. */
  readonly label: string
}

export function Sparkline({ values, label }: SparklineProps) {
  const shown = peaks(values)
  const path = pathOf(shown)
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {path !== '' && (
        <>
          <path
            class="sparkline-area"
            d={`${path}L${WIDTH} ${HEIGHT}L${leftOf(shown)} ${HEIGHT}Z`}
          />
          <path class="sparkline-line" d={path} vector-effect="non-scaling-stroke" />
        </>
      )}
    </svg>
  )
}

/** The highest value of each group, because a short peak matters more than a mean. */
function peaks(values: readonly number[]): readonly number[] {
  const size = Math.ceil(values.length / MAX_POINTS)
  if (size <= 1) return values
  const groups = Math.ceil(values.length / size)
  return Array.from({ length: groups }, (_, group) =>
    Math.max(...values.slice(group * size, (group + 1) * size)),
  )
}

function pathOf(values: readonly number[]): string {
  if (values.length < 2) return ''
  const max = Math.max(...values) || 1
  const points = values.map((value, index) => {
    const y = HEIGHT - MARGIN - (value / max) * (HEIGHT - 2 * MARGIN)
    return `${xOf(index, values.length)} ${y.toFixed(1)}`
  })
  return `M${points.join('L')}`
}

/** A connector that has just started has a short line at the right. */
function xOf(index: number, length: number): string {
  return (WIDTH - (length - 1 - index) * stepOf(length)).toFixed(1)
}

function stepOf(length: number): number {
  return WIDTH / (Math.max(length, MAX_POINTS) - 1)
}

function leftOf(values: readonly number[]): string {
  return xOf(0, values.length)
}
