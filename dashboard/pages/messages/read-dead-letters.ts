/** Dead letters from the API, and replays of them. */
import type { DeadLetter, ReplayReport } from '../../../src/http/api/shapes/messages.ts'
import { postJson, type RequestOptions, request } from '../../api/client.ts'

export interface DeadLetterFilter {
  readonly channel?: string
  readonly destination?: string
  readonly error?: string
  /** ISO 8601. */
  readonly since?: string
}

export interface DeadLetterPage {
  /** The oldest first. */
  readonly letters: readonly DeadLetter[]
  /** Where the next page begins; undefined if this is the last one. */
  readonly next: number | undefined
}

/** Offsets `from ≤ x < to`; without `to`: up to the newest one at the first request. */
export interface OffsetRange {
  readonly from: number
  readonly to?: number
}

export interface ReplaySum {
  readonly matched: number
  readonly replayed: number
  readonly refused: ReplayReport['refused']
  /** Where the last range ended: a replay uses that of the count before it. */
  readonly to: number
}

const PAGE = 100
const REPLAYED_AT_ONCE = 1_000

export async function deadLettersFrom(
  filter: DeadLetterFilter,
  from: number,
  options?: RequestOptions,
): Promise<DeadLetterPage> {
  const query = new URLSearchParams({ ...filter, from: String(from), limit: String(PAGE) })
  const response = await request(`dead-letters?${query}`, { method: 'GET' }, options)
  const lines = (await response.text()).split('\n').filter((line) => line !== '')
  const next = response.headers.get('x-next-offset')
  return {
    letters: lines.map((line) => JSON.parse(line)),
    next: next === null ? undefined : Number(next),
  }
}

export interface ReplayOptions extends RequestOptions {
  /** Only counts. */
  readonly dryRun: boolean
  /** Called with what is done so far, because an error may end it halfway. */
  readonly onProgress?: (sum: ReplaySum) => void
}

/** Replays the letters in the ranges, as many at once as one request should have. */
export async function replayDeadLetters(
  filter: DeadLetterFilter,
  ranges: readonly OffsetRange[],
  { dryRun, onProgress, ...options }: ReplayOptions,
): Promise<ReplaySum> {
  let sum: ReplaySum = { matched: 0, replayed: 0, refused: [], to: 0 }
  for (const range of ranges) {
    let next: number | null = range.from
    let { to } = range
    while (next !== null) {
      const asked = { ...filter, from: next, limit: REPLAYED_AT_ONCE, dryRun }
      const report: ReplayReport = await postJson<ReplayReport>(
        'dead-letters/replay',
        to === undefined ? asked : { ...asked, to },
        options,
      )
      to = report.to
      next = report.next
      sum = {
        matched: sum.matched + report.matched,
        replayed: sum.replayed + report.replayed,
        refused: [...sum.refused, ...report.refused],
        to,
      }
      onProgress?.(sum)
    }
  }
  return sum
}

/** The fewest ranges that have the chosen letters and none of the others that are shown. */
export function rangesOf(
  letters: readonly DeadLetter[],
  chosen: ReadonlySet<number>,
): readonly OffsetRange[] {
  const ranges: { from: number; to: number }[] = []
  let isOpen = false
  for (const { offset } of letters) {
    const last = ranges.at(-1)
    if (!chosen.has(offset)) isOpen = false
    else if (isOpen && last !== undefined) last.to = offset + 1
    else {
      ranges.push({ from: offset, to: offset + 1 })
      isOpen = true
    }
  }
  return ranges
}

/** Where letters go, such as `2 to line_1, 1 through routing`, the largest group first. */
export function waysOf(letters: readonly DeadLetter[]): readonly (readonly [string, number])[] {
  const ways = new Map<string, number>()
  for (const { channel, destination } of letters) {
    const way = destination === undefined ? 'through routing' : `to ${channel}`
    ways.set(way, (ways.get(way) ?? 0) + 1)
  }
  return [...ways].sort(([, one], [, other]) => other - one)
}
