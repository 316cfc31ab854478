/** Which files of a channel are made one. Rows stay within their day and their log. */
import { dayOf } from './table-file.ts'
import type { ListedFile } from './table-listing.ts'

/** What one job reads: compaction by number of files would run out of memory one day. */
const MAX_JOB_BYTES = 200_000_000
/** Until its day is over, a small file waits for more of its kind. */
const SMALL_FILE_BYTES = 16_000_000
const FEWEST_SMALL_FILES = 16
/** Worth an object of its own while its day goes on. */
const LARGE_FILE_BYTES = 64_000_000
/** After midnight there may still be rows of the day before to convert. */
const DAY_ENDS_AFTER_MS = 3_600_000

const NONE: ReadonlySet<string> = new Set()

/**
 * Files to be made one, in the order of their rows; undefined if there is nothing to do.
 * @param fixed paths of files that stay as they are
 */
export function planCompaction(
  files: readonly ListedFile[],
  now: number,
  { maxBytes = MAX_JOB_BYTES, fixed = NONE }: CompactionLimits = {},
): readonly ListedFile[] | undefined {
  const firstOpenDay = dayOf(now - DAY_ENDS_AFTER_MS)
  for (const run of runsOfOneDay(files, fixed)) {
    const isOpen = (run[0]?.day ?? '') >= firstOpenDay
    const group = isOpen
      ? groupOf(run.slice(afterLastLarge(run)), maxBytes, FEWEST_SMALL_FILES)
      : groupOf(run, maxBytes, 2)
    if (group !== undefined) return group
  }
  return undefined
}

export interface CompactionLimits {
  readonly maxBytes?: number
  readonly fixed?: ReadonlySet<string>
}

/** Files that no compaction will want: those of days that are over, and large ones. */
export function finalFiles(files: readonly ListedFile[], now: number): readonly ListedFile[] {
  const firstOpenDay = dayOf(now - DAY_ENDS_AFTER_MS)
  return files.filter(({ day, bytes }) => day < firstOpenDay || bytes >= LARGE_FILE_BYTES)
}

/** Neighbours of one log and one day. No range may reach over a file that stays as it is. */
function runsOfOneDay(files: readonly ListedFile[], fixed: ReadonlySet<string>): ListedFile[][] {
  const runs: ListedFile[][] = []
  let last: ListedFile | undefined
  for (const file of files) {
    if (fixed.has(file.path)) {
      last = undefined
      continue
    }
    if (last?.logId === file.logId && last.day === file.day) runs.at(-1)?.push(file)
    else runs.push([file])
    last = file
  }
  return runs
}

function afterLastLarge(run: readonly ListedFile[]): number {
  return run.findLastIndex(({ bytes }) => bytes >= SMALL_FILE_BYTES) + 1
}

/** The first neighbours that fit in one job, if there are enough of them. */
function groupOf(
  run: readonly ListedFile[],
  maxBytes: number,
  fewest: number,
): ListedFile[] | undefined {
  let group: ListedFile[] = []
  let bytes = 0
  for (const file of run) {
    if (bytes + file.bytes > maxBytes) {
      if (group.length >= fewest) return group
      group = []
      bytes = 0
    }
    group.push(file)
    bytes += file.bytes
  }
  return group.length >= fewest ? group : undefined
}
