/** When rows of a channel are converted, and how many at a time. */

/** A query types rows that are in no file itself: few enough that it does not wait for that. */
const DUE_ROWS = 50_000
const DUE_BYTES = 8_000_000
const DUE_AFTER_MS = 5 * 60_000
const MOST_ROWS = 500_000
const MOST_BYTES = 64_000_000
const FEWEST_ROWS = 100
/** Before the first conversion says better. */
export const ASSUMED_ROW_BYTES = 200

const FIRST_DELAY_MS = 10_000
const LONGEST_DELAY_MS = 10 * 60_000

export interface WaitingRows {
  readonly rows: number
  /** How long the oldest of them has waited. */
  readonly ageMs: number
  /** Of payload, for each row on average. */
  readonly rowBytes: number
}

export function isConversionDue({ rows, ageMs, rowBytes }: WaitingRows): boolean {
  if (rows === 0) return false
  return rows >= DUE_ROWS || rows * rowBytes >= DUE_BYTES || ageMs >= DUE_AFTER_MS
}

/** How many rows one job takes. After failures fewer, because memory may have been the reason. */
export function rowsPerJob(rowBytes: number, failures: number): number {
  const rows = Math.min(MOST_ROWS, Math.floor(MOST_BYTES / Math.max(rowBytes, 1)))
  return Math.max(FEWEST_ROWS, Math.floor(rows / 2 ** Math.min(failures, 10)))
}

/** How long to wait after a failure: it doubles each time. `random` is in [0, 1). */
export function failureDelayMs(failures: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10))
  return ceiling / 2 + (ceiling / 2) * random
}
