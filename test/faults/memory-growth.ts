/**
 * Whether a process's resident memory was flat. Memory rises and falls with load, outages and
 * garbage collection, so the judgement is made on medians: one for each period of the load, and the
 * median of the slopes between all pairs of them (Theil–Sen), which no single peak can turn.
 */

export interface MemorySample {
  readonly atMs: number
  readonly bytes: number
}

export interface MemoryGrowth {
  readonly isFlat: boolean
  readonly text: string
}

const MEBIBYTE = 1024 * 1024
const MINUTE_MS = 60_000
/** Both are for the time after the warm-up: median of the last third against that of the first. */
const MOST_GROWTH_SHARE = 0.1
const MOST_SLOPE = MEBIBYTE / MINUTE_MS

/**
 * @param warmUpMs what is left out at the beginning: caches fill, and code is still being compiled
 * @param periodMs the time in which the load repeats itself
 */
export function memoryGrowth(
  samples: readonly MemorySample[],
  { warmUpMs, periodMs }: { readonly warmUpMs: number; readonly periodMs: number },
): MemoryGrowth {
  const warm = samples.filter(({ atMs }) => atMs >= warmUpMs)
  const third = Math.ceil(warm.length / 3)
  const first = medianBytes(warm.slice(0, third))
  const last = medianBytes(warm.slice(-third))
  const most = Math.max(0, ...warm.map(({ bytes }) => bytes))
  const slope = slopeOf(periodsOf(warm, periodMs))
  const perMinute = ((slope * MINUTE_MS) / MEBIBYTE).toFixed(2)
  return {
    isFlat: last <= first * (1 + MOST_GROWTH_SHARE) && slope <= MOST_SLOPE,
    text: `RSS after the warm-up: median ${mebibytes(first)} MiB in the first third, ${mebibytes(last)} MiB in the last, at most ${mebibytes(most)} MiB; slope ${perMinute} MiB a minute`,
  }
}

export function mebibytes(bytes = 0): string {
  return (bytes / MEBIBYTE).toFixed(0)
}

function periodsOf(samples: readonly MemorySample[], periodMs: number): MemorySample[] {
  const periods = new Map<number, MemorySample[]>()
  for (const sample of samples) {
    const period = Math.floor(sample.atMs / periodMs)
    const others = periods.get(period)
    if (others === undefined) periods.set(period, [sample])
    else others.push(sample)
  }
  return [...periods].map(([period, of]) => ({ atMs: period * periodMs, bytes: medianBytes(of) }))
}

/** Bytes per millisecond. */
function slopeOf(points: readonly MemorySample[]): number {
  const slopes = points.flatMap((from, index) =>
    points.slice(index + 1).map((to) => (to.bytes - from.bytes) / (to.atMs - from.atMs)),
  )
  return median(slopes)
}

function medianBytes(samples: readonly MemorySample[]): number {
  return median(samples.map(({ bytes }) => bytes))
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
