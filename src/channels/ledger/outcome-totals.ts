/**
 * What became of the messages of all channels since the process started, in total. It costs a few
 * additions for each channel, unlike the ledger, which makes a row for each: it is asked every few
 * seconds.
 */
import type { Cursor } from '../cursors/cursor.ts'

/** What one destination did with messages, and what was dropped before it got them. */
export interface DestinationTotals {
  readonly destination: string
  readonly delivered: number
  readonly rejected: number
  /** By code; expired ones included. */
  readonly dropped: ReadonlyMap<string, number>
}

export interface OutcomeTotals {
  /** Refused before they were stored, by code. */
  readonly refused: ReadonlyMap<string, number>
  /** In the order of the configuration. */
  readonly destinations: readonly DestinationTotals[]
}

type Counts = Readonly<Record<string, number>>

interface CountedChannel {
  readonly refused: Counts
  readonly cursors: readonly Pick<Cursor, 'position'>[]
}

interface Sums {
  readonly refused: Map<string, number>
  readonly destinations: {
    readonly destination: string
    delivered: number
    rejected: number
    readonly dropped: Map<string, number>
  }[]
}

export class OutcomeCounts {
  /** What channels had counted when they were found, as negative numbers. */
  readonly #found: Sums

  constructor(destinations: readonly string[]) {
    this.#found = {
      refused: new Map(),
      destinations: destinations.map((destination) => {
        return { destination, delivered: 0, rejected: 0, dropped: new Map() }
      }),
    }
  }

  /** The channel was there at the start, or can be read again: its earlier counts are not new. */
  found(channel: CountedChannel): void {
    add(this.#found, channel, -1)
  }

  /** @param unknown refused messages of channels that do not exist */
  since(channels: Iterable<CountedChannel>, unknown: Counts): OutcomeTotals {
    const { refused, destinations } = this.#found
    const sums: Sums = {
      refused: new Map(refused),
      destinations: destinations.map((one) => ({ ...one, dropped: new Map(one.dropped) })),
    }
    addCounts(sums.refused, unknown, 1)
    for (const channel of channels) add(sums, channel, 1)
    return sums
  }
}

function add(sums: Sums, { refused, cursors }: CountedChannel, sign: 1 | -1): void {
  addCounts(sums.refused, refused, sign)
  for (let index = 0; index < cursors.length; index += 1) {
    const sum = sums.destinations[index]
    const position = cursors[index]?.position
    if (sum === undefined || position === undefined) continue
    sum.delivered += sign * position.delivered
    sum.rejected += sign * position.rejected
    addCounts(sum.dropped, position.dropped, sign)
  }
}

function addCounts(sums: Map<string, number>, counts: Counts, sign: 1 | -1): void {
  for (const code in counts) sums.set(code, (sums.get(code) ?? 0) + sign * (counts[code] ?? 0))
}
