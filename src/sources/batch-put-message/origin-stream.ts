/**
 * What is stored here of one log of one sender. Senders send in order as a rule, so the offsets are a
 * run or two above what the sender has settled:
 *
 *     ░░░░░░░░░░░░░░░░░░░░░░│██████████│···│████│▒▒▒▒▒▒▒▒│
 *     settled at the sender  stored              being committed
 */

import { NO_UPSTREAM, type OffsetRun, type Origin, type Upstream } from '../../chain/origin.ts'
import { OffsetRanges } from '../../channels/log/offset-ranges.ts'
import type { OriginRecord, StreamKey } from './origin-record.ts'

/**
 * More gaps than these happen only if batches overtake each other, and a part of the messages is
 * not selected. Then the lowest ones are forgotten: a batch from there that comes again after a crash
 * is stored again. No message is ever lost for it.
 */
const MAX_RUNS = 1_000
const MAX_RETIRED = 8

/** A batch whose commit has not been reported. */
interface Pending {
  readonly cycle: number
  readonly runs: OffsetRanges
  readonly settledBelow: number
  readonly upstream: Upstream
}

export class OriginStream {
  readonly key: StreamKey
  /** When its last message arrived here; milliseconds since 1970. */
  lastAt = 0
  /** As the last batch said. */
  upstream: Upstream = NO_UPSTREAM
  readonly #stored = new OffsetRanges()
  readonly #pending: Pending[] = []
  #settledBelow = 0
  /** What the last durable record says. */
  #durableUpstream: Upstream | undefined
  #instance: string | undefined
  readonly #retired: string[] = []

  constructor(key: StreamKey) {
    this.key = key
  }

  get isPending(): boolean {
    return this.#pending.length > 0
  }

  /** The offset after the last one that it knows of. */
  get end(): number {
    let end = this.#settledBelow
    for (const { to } of this.#stored) end = Math.max(end, to)
    for (const { runs } of this.#pending) for (const { to } of runs) end = Math.max(end, to)
    return end
  }

  /** Whether the upstream has to be in the next record. */
  get isUpstreamNew(): boolean {
    return this.upstream !== this.#durableUpstream
  }

  /**
   * False if another process sends under the same names: one that was followed by the present one
   * is back. A process that was started again has a new instance.
   */
  admits(instance: string): boolean {
    if (instance === this.#instance) return true
    if (this.#retired.includes(instance)) return false
    if (this.#instance !== undefined) this.#retired.push(this.#instance)
    if (this.#retired.length > MAX_RETIRED) this.#retired.shift()
    this.#instance = instance
    return true
  }

  /** Undefined if the message is not here; the cycle that it is committed in; 0 if it is durable. */
  cycleOf(offset: number): number | undefined {
    if (offset < this.#settledBelow || this.#stored.has(offset)) return 0
    return this.#pending.find(({ runs }) => runs.has(offset))?.cycle
  }

  /** The messages of a batch that were accepted now. */
  stage(offsets: readonly OffsetRun[], { settledBelow, upstream }: Origin, cycle: number): void {
    if (!isSame(upstream, this.upstream)) this.upstream = upstream
    const runs = new OffsetRanges(offsets)
    this.#pending.push({ cycle, runs, settledBelow, upstream: this.upstream })
  }

  /** Cycles are reported in order, and so are batches. */
  committed(cycle: number): void {
    while ((this.#pending[0]?.cycle ?? Number.POSITIVE_INFINITY) <= cycle) {
      const batch = this.#pending.shift()
      if (batch === undefined) return
      this.#take(batch.runs, batch.settledBelow)
      this.#durableUpstream = batch.upstream
    }
  }

  failed(cycle: number): void {
    while ((this.#pending[0]?.cycle ?? Number.POSITIVE_INFINITY) <= cycle) this.#pending.shift()
  }

  restore({ runs, settledBelow, lastAt, upstream }: OriginRecord): void {
    this.#take(runs, settledBelow)
    this.lastAt = Math.max(this.lastAt, lastAt)
    if (upstream === undefined) return
    this.upstream = upstream
    this.#durableUpstream = upstream
  }

  /** All that is durable. */
  record(): OriginRecord {
    return {
      key: this.key,
      settledBelow: this.#settledBelow,
      runs: [...this.#stored],
      lastAt: this.lastAt,
      upstream: this.#durableUpstream ?? NO_UPSTREAM,
    }
  }

  #take(runs: Iterable<OffsetRun>, settledBelow: number): void {
    for (const { from, to } of runs) this.#stored.add(from, to)
    this.#settledBelow = Math.max(this.#settledBelow, settledBelow)
    this.#stored.deleteBelow(this.#settledBelow)
    for (let count = [...this.#stored].length; count > MAX_RUNS; count--) {
      for (const { to } of this.#stored) {
        this.#stored.deleteBelow(to)
        break
      }
    }
  }
}

function isSame(left: Upstream, right: Upstream): boolean {
  return left.hops === right.hops && left.connectors.join() === right.connectors.join()
}
