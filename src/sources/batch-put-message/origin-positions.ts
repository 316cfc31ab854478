/**
 * What is stored here of every sender's logs, and which connectors the messages of a channel have
 * passed. With a log of its own it is as durable as the messages.
 */
import { NO_UPSTREAM, type OffsetRun, type Origin, type Upstream } from '../../chain/origin.ts'
import type { SourceLog } from '../source.ts'
import { OriginLog } from './origin-log.ts'
import type { StreamKey } from './origin-record.ts'
import { OriginStream } from './origin-stream.ts'

/** If there are more, the one that was used least recently is forgotten. */
const MAX_STREAMS = 10_000

export interface OriginPositionsOptions {
  /** Undefined: they live as long as the process, as the messages do. */
  readonly log: SourceLog | undefined
  readonly onDamage: (what: string) => void
  readonly maxStreams?: number
}

/** Names of connectors with when their last message arrived. */
interface Passed {
  /** Valid for messages that arrived in this time, the end included. */
  readonly from: number
  readonly to: number
  readonly upstream: Upstream
}

export class OriginPositions {
  readonly #log: OriginLog | undefined
  readonly #maxStreams: number
  /** Those that were used least recently come first. */
  readonly #streams = new Map<string, OriginStream>()
  readonly #byChannel = new Map<string, Set<OriginStream>>()
  readonly #passed = new Map<string, Passed>()
  readonly #pending = new Set<OriginStream>()

  constructor({ log, onDamage, maxStreams = MAX_STREAMS }: OriginPositionsOptions) {
    this.#maxStreams = maxStreams
    this.#log = log && new OriginLog({ log, onDamage, state: () => this.#records() })
  }

  /** To be called once, before anything else. */
  async open(): Promise<void> {
    if (this.#log === undefined) return
    for await (const record of this.#log.read()) this.#streamOf(record.key).restore(record)
  }

  get count(): number {
    return this.#streams.size
  }

  /** Whether a batch can be recorded now. */
  get isReady(): boolean {
    if (this.#log === undefined || this.#log.isReady) return true
    if (this.#pending.size === 0) this.#log.catchUp()
    return this.#log.isReady
  }

  stream({ connector, destination, logId }: Origin, channel: string): OriginStream {
    return this.#streamOf([connector, destination, channel, logId])
  }

  /** Notes, in the turn in which they were accepted, messages of a batch that arrived `at`. */
  stage(
    stream: OriginStream,
    origin: Origin,
    { runs, at, cycle }: { runs: readonly OffsetRun[]; at: number; cycle: number },
  ): void {
    stream.stage(runs, origin, cycle)
    this.#touch(stream, at)
    this.#pending.add(stream)
    this.#log?.append({
      key: stream.key,
      settledBelow: origin.settledBelow,
      runs,
      lastAt: stream.lastAt,
      upstream: stream.isUpstreamNew ? stream.upstream : undefined,
    })
  }

  committed(cycle: number): void {
    this.#report((stream) => stream.committed(cycle))
    this.#log?.committed()
  }

  failed(cycle: number): void {
    this.#report((stream) => stream.failed(cycle))
  }

  /**
   * The connectors that messages of the channel have passed, if the first of them arrived at
   * `since`: those that have sent something since then.
   */
  upstreamOf(channel: string, since: number): Upstream {
    const streams = this.#byChannel.get(channel)
    if (streams === undefined) return NO_UPSTREAM
    const known = this.#passed.get(channel)
    if (known !== undefined && since >= known.from && since <= known.to) return known.upstream
    const found = passed(streams, since)
    this.#passed.set(channel, found)
    return found.upstream
  }

  #streamOf(key: StreamKey): OriginStream {
    const text = key.join('/')
    const known = this.#streams.get(text)
    if (known !== undefined) {
      this.#streams.delete(text)
      this.#streams.set(text, known)
      return known
    }
    if (this.#streams.size >= this.#maxStreams) this.#forgetOne()
    const stream = new OriginStream(key)
    this.#streams.set(text, stream)
    const [, , channel] = key
    const streams = this.#byChannel.get(channel) ?? new Set()
    this.#byChannel.set(channel, streams.add(stream))
    this.#passed.delete(channel)
    return stream
  }

  #forgetOne(): void {
    for (const [text, stream] of this.#streams) {
      if (stream.isPending) continue
      const [, , channel] = stream.key
      this.#streams.delete(text)
      this.#byChannel.get(channel)?.delete(stream)
      this.#passed.delete(channel)
      return
    }
  }

  #touch(stream: OriginStream, at: number): void {
    const [, , channel] = stream.key
    const known = this.#passed.get(channel)
    const isKnown = known !== undefined && stream.lastAt >= known.from && !stream.isUpstreamNew
    if (!isKnown) this.#passed.delete(channel)
    stream.lastAt = Math.max(stream.lastAt, at)
  }

  #report(report: (stream: OriginStream) => void): void {
    for (const stream of this.#pending) {
      report(stream)
      if (!stream.isPending) this.#pending.delete(stream)
    }
  }

  *#records() {
    for (const stream of this.#streams.values()) yield stream.record()
  }
}

function passed(streams: Iterable<OriginStream>, since: number): Passed {
  const connectors = new Set<string>()
  let hops = 0
  let to = Number.POSITIVE_INFINITY
  for (const { key, lastAt, upstream } of streams) {
    if (lastAt < since) continue
    to = Math.min(to, lastAt)
    hops = Math.max(hops, upstream.hops + 1)
    connectors.add(key[0])
    for (const connector of upstream.connectors) connectors.add(connector)
  }
  const upstream = connectors.size === 0 ? NO_UPSTREAM : { connectors: [...connectors], hops }
  return { from: since, to, upstream }
}
