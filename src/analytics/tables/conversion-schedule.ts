/** When rows of a channel are converted, and how many at a time. */

/** A query types rows that are in no file itself: few enough that it does not wait for that. */
const DUE_ROWS = 50_000
const DUE_BYTES = 8_000_000
const DUE_AFTER_MS = 5 * 60_000
const MOST_ROWS = 500_000
/** By so much a job is smaller after a failure, and larger again after a success. */
const DIVISOR = 8
/** Then a job takes one row. */
export const MOST_DIVISIONS = Math.ceil(Math.log(MOST_ROWS) / Math.log(DIVISOR))
/** A single row that fails as often in succession is left out. */
const FAILURES_OF_ROW = 5
const MOST_LEFT_OUT = 1_024
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

/**
 * How many rows one job takes at most. After failures fewer: memory may have been the reason, or a
 * row that can't be converted, which is found in this way.
 */
export function rowsPerJob(divisions: number): number {
  return Math.max(1, Math.floor(MOST_ROWS / DIVISOR ** divisions))
}

/**
 * How many rows to leave out after failures in succession, the last ones of a single row. At first
 * it is that row alone; there may be more of its kind behind it.
 */
export function rowsToLeaveOut(failures: number): number {
  if (failures < FAILURES_OF_ROW) return 0
  return Math.min(MOST_LEFT_OUT, 2 ** (failures - FAILURES_OF_ROW))
}

/** How long to wait after a failure: it doubles each time. `random` is in [0, 1). */
export function failureDelayMs(failures: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10))
  return ceiling / 2 + (ceiling / 2) * random
}
