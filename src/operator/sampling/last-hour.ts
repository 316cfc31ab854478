/** A point for every 10 s of the last hour, of all channels together and of the first 256. */
import type { History } from '../../http/api/shapes/overview.ts'
import { timeText } from '../../iso-time.ts'
import type { ChannelCounts, Counts } from './counters.ts'
import { rateOf } from './mean-watch.ts'

export const STEP_SECONDS = 10
const POINTS = 360
const MAX_CHANNELS = 256

type Line = 'in' | 'stored' | 'delivered' | 'waiting'
type Lines = Readonly<Record<Line, Float64Array>>

export class LastHour {
  readonly #total = emptyLines()
  readonly #channels = new Map<string, Lines>()
  readonly #foundOf: (channel: string) => ChannelCounts
  #points = 0
  #lastAt = 0
  #before: Counts | undefined

  constructor(foundOf: (channel: string) => ChannelCounts) {
    this.#foundOf = foundOf
  }

  /** To be called every 10 s. The first call makes no point. */
  add(now: Counts, nowMs: number, seconds: number): void {
    const before = this.#before
    this.#before = now
    this.#lastAt = nowMs
    if (before === undefined || seconds <= 0) return
    const at = this.#points % POINTS
    this.#points += 1
    put(this.#total, at, before.total, now.total, seconds)
    for (const [name, counts] of now.channels) {
      const lines = this.#linesOf(name)
      if (lines === undefined) continue
      put(lines, at, before.channels.get(name) ?? this.#foundOf(name), counts, seconds)
    }
  }

  history(): History {
    return this.#read(this.#total)
  }

  channelHistory(name: string): History | undefined {
    const lines = this.#channels.get(name)
    return lines === undefined ? undefined : this.#read(lines)
  }

  #read(lines: Lines): History {
    const count = Math.min(this.#points, POINTS)
    const first = this.#points - count
    const read = (line: Line): number[] =>
      Array.from({ length: count }, (_, index) => lines[line][(first + index) % POINTS] ?? 0)
    return {
      stepSeconds: STEP_SECONDS,
      from: timeText(this.#lastAt - Math.max(0, count - 1) * STEP_SECONDS * 1000),
      in: read('in'),
      stored: read('stored'),
      delivered: read('delivered'),
      waiting: read('waiting'),
    }
  }

  #linesOf(name: string): Lines | undefined {
    const known = this.#channels.get(name)
    if (known !== undefined || this.#channels.size >= MAX_CHANNELS) return known
    const lines = emptyLines()
    this.#channels.set(name, lines)
    return lines
  }
}

function emptyLines(): Lines {
  const line = () => new Float64Array(POINTS)
  return { in: line(), stored: line(), delivered: line(), waiting: line() }
}

function put(
  lines: Lines,
  at: number,
  before: ChannelCounts,
  now: ChannelCounts,
  seconds: number,
): void {
  lines.in[at] = rateOf(before.received, now.received, seconds)
  lines.stored[at] = rateOf(before.stored, now.stored, seconds)
  lines.delivered[at] = rateOf(before.delivered, now.delivered, seconds)
  lines.waiting[at] = now.waiting
}
