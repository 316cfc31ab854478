/** The counters that rates are made of. Reading them costs a few additions for each channel. */
import type { Channel } from '../../channels/channel.ts'
import type { ChannelSet } from '../../channels/channel-set.ts'

export interface ChannelCounts {
  /** Messages that came for the channel, refused ones included. */
  readonly received: number
  readonly stored: number
  /** By the primary destination; without destinations, stored. */
  readonly delivered: number
  /** For the destination that is furthest behind, those in a batch that is being sent included. */
  readonly waiting: number
}

export interface Counts {
  readonly total: ChannelCounts
  readonly channels: ReadonlyMap<string, ChannelCounts>
  /** Delivered, by destination. */
  readonly destinations: ReadonlyMap<string, number>
  /** Received, by source. */
  readonly sources: ReadonlyMap<string, number>
}

export const NOTHING: ChannelCounts = { received: 0, stored: 0, delivered: 0, waiting: 0 }

interface CountedSource {
  readonly name: string
  readonly received?: number
}

/** By source, what counts the messages of those that do not count them. */
export type Intakes = ReadonlyMap<string, { readonly received: number }>

export class Counters {
  readonly #channels: ChannelSet
  readonly #sources: readonly CountedSource[]
  readonly #intakes: Intakes
  /** What channels had counted when they were found; a new channel had counted nothing. */
  readonly #found = new Map<string, ChannelCounts>()

  constructor(channels: ChannelSet, sources: readonly CountedSource[], intakes: Intakes) {
    this.#channels = channels
    this.#intakes = intakes
    this.#sources = sources
  }

  /** To be called once, before the counts are read. */
  start(): void {
    this.#channels.onChannel((channel) => this.#found.set(channel.name, countsOf(channel)))
  }

  /** For a channel that an earlier sample does not have. */
  foundOf(channel: string): ChannelCounts {
    return this.#found.get(channel) ?? NOTHING
  }

  read(): Counts {
    const channels = new Map<string, ChannelCounts>()
    let [stored, delivered, waiting, received] = [0, 0, 0, 0]
    for (const channel of this.#channels) {
      const counts = countsOf(channel)
      const found = this.foundOf(channel.name)
      channels.set(channel.name, counts)
      received += channel.log.end - found.stored
      stored += counts.stored - found.stored
      delivered += counts.delivered - found.delivered
      waiting += counts.waiting
    }
    const { refused, destinations } = this.#channels.outcomes()
    for (const count of refused.values()) received += count
    return {
      total: { received, stored, delivered, waiting },
      channels,
      destinations: new Map(destinations.map((one) => [one.destination, one.delivered])),
      sources: new Map(
        this.#sources.map(({ name, received }) => [
          name,
          received ?? this.#intakes.get(name)?.received ?? 0,
        ]),
      ),
    }
  }
}

function countsOf({ log, cursors, refused }: Channel): ChannelCounts {
  let received = log.end
  for (const code in refused) received += refused[code] ?? 0
  const [primary] = cursors
  let waiting = cursors.length === 0 ? log.end - log.committed : 0
  for (const { position } of cursors) {
    waiting = Math.max(waiting, position.unsettled(log.end))
  }
  return {
    received,
    stored: log.committed,
    delivered: primary === undefined ? log.committed : primary.position.delivered,
    waiting,
  }
}
