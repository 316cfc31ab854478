/**
 * The segments of one log. The writer creates and appends to segments, this list removes them, and
 * readers read. Nothing else adds a segment to the list or takes one out.
 *
 *      history (released, kept for replay)   │  needed           active
 *     ┌─────────┬─────────┬─────────┐ ┌──────┴──┬─────────┐ ┌──────────
 *     └─────────┴─────────┴─────────┘ └─────────┴─────────┘ └──────────
 *      evicted from this end                 ▲ released
 */
import type { SerialQueue } from '../../../serial-queue.ts'
import type { DiskSpace } from '../files/disk-space.ts'
import type { FileLayer } from '../files/file-layer.ts'
import { Removals } from '../files/removals.ts'
import { countUpTo } from '../format/segment-index.ts'
import type { Segment } from './segment.ts'

export interface SegmentListOptions {
  readonly files: FileLayer
  /** Where the log's segments are. */
  readonly directory: string
  readonly space: DiskSpace
  /** Reads and removals of the log's files take turns in it. */
  readonly queue: SerialQueue
  /** Closes what is open of a segment whose files are about to be removed. */
  readonly closeFile: (segment: Segment) => Promise<void>
}

export class SegmentList {
  readonly #options: SegmentListOptions
  /** Oldest first. The last one may be the active one. */
  readonly #segments: Segment[]
  /** How many segments at the front are history. */
  #historyCount = 0
  readonly #removals: Removals

  constructor(options: SegmentListOptions, segments: readonly Segment[]) {
    this.#options = options
    this.#segments = [...segments]
    this.#removals = new Removals(options)
  }

  /** A copy: segments may be removed while somebody goes through it. */
  all(): readonly Segment[] {
    return [...this.#segments]
  }

  get first(): Segment | undefined {
    return this.#segments[0]
  }

  get last(): Segment | undefined {
    return this.#segments.at(-1)
  }

  /** The offset after the last message that is in a segment; 0 without segments. */
  get end(): number {
    return this.last?.end ?? 0
  }

  /** Bytes of all files. */
  get heldBytes(): number {
    let bytes = 0
    for (const segment of this.#segments) bytes += segment.heldBytes
    return bytes
  }

  /** The oldest segment that is still needed. */
  get oldestNeeded(): Segment | undefined {
    return this.#segments[this.#historyCount]
  }

  /** When the oldest history segment was written; undefined without history. */
  get oldestHistoryAt(): number | undefined {
    return this.#historyCount === 0 ? undefined : this.first?.writtenAt
  }

  has(segment: Segment): boolean {
    return this.#segments.includes(segment)
  }

  isHistory(segment: Segment): boolean {
    return this.#segments.indexOf(segment) < this.#historyCount
  }

  /** The segment that would hold `offset`. */
  segmentOf(offset: number): Segment | undefined {
    const upTo = countUpTo(offset, this.#segments.length, (place) => this.#baseAt(place))
    return this.#segments[upTo - 1]
  }

  /** The segment that follows `segment`. */
  after(segment: Segment): Segment | undefined {
    return this.#segments[this.#segments.indexOf(segment) + 1]
  }

  /** Adds a fresh segment, which the writer appends to from now on. */
  add(segment: Segment): void {
    this.#segments.push(segment)
  }

  /**
   * A file with the segment's name that could not be removed is about to be rewritten: it must not
   * be removed later.
   */
  keepFileOf(segment: Segment): Promise<void> {
    return this.#removals.cancel(segment.logPath)
  }

  /** Removes the last segment, which holds no messages. */
  async removeLast(segment: Segment): Promise<void> {
    if (this.last !== segment) return
    this.#segments.pop()
    this.#options.space.release(segment.heldBytes)
    await this.#remove(segment)
  }

  /** Counts as history the segments that end at or below `offset`. */
  release(offset: number): void {
    while (this.#historyCount < this.#segments.length) {
      const segment = this.#segments[this.#historyCount]
      if (segment === undefined || segment.end > offset) return
      // The writer still needs an empty segment, and one with writes under way.
      if (segment.isEmpty || segment.unsyncedBytes > 0) return
      this.#countAsHistory(segment)
    }
  }

  /** Removes the oldest history segment. Its bytes count as free once its files are gone. */
  evictOldest(): void {
    const segment = this.#historyCount === 0 ? undefined : this.#segments.shift()
    if (segment === undefined) return
    const { space } = this.#options
    this.#historyCount--
    space.removeHistory(segment.historyBytes)
    space.release(segment.heldBytes)
    space.trackRemoval(this.#remove(segment).catch(() => undefined))
  }

  /** Removes segments that end at or before `offset`. */
  evictBelow(offset: number): void {
    for (let { first } = this; first !== undefined; first = this.first) {
      if (first.end > offset || first.isEmpty || first.unsyncedBytes > 0) return
      this.#evict(first)
    }
  }

  /**
   * Removes segments that begin before `offset`. The messages between them and `offset` were not
   * kept, so no reader could go on from them.
   */
  evictBefore(offset: number): void {
    for (let { first } = this; first !== undefined; first = this.first) {
      if (first.base >= offset) return
      this.#evict(first)
    }
  }

  #evict(first: Segment): void {
    if (this.#historyCount === 0) this.#countAsHistory(first)
    this.evictOldest()
  }

  #countAsHistory(segment: Segment): void {
    this.#historyCount++
    this.#options.space.addHistory(segment.becomeHistory())
  }

  /** Removes the files of a segment that has left the list and whose bytes were released. */
  #remove(segment: Segment): Promise<void> {
    return this.#removals.remove({
      paths: [segment.logPath, segment.indexPath],
      bytes: segment.heldBytes,
      close: () => this.#options.closeFile(segment),
    })
  }

  #baseAt(place: number): number {
    return this.#segments[place]?.base ?? 0
  }
}
