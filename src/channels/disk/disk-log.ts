/**
 * A channel's log on disk: segments for what is durable, a staging area for what is not yet, and
 * for what became so only just now.
 *
 *     <dir>/channels/<channel>/0000000000000000.log   sealed, with its .idx
 *                              0000000000131072.log   active
 *                              cursors                where the readers are
 *
 * Reads at the head come from memory; others from a window of one segment at a time, so that a
 * backlog of any size costs the same.
 */
import { messageOf, systemCodeOf } from '../../errors.ts'
import type { Draft, Message } from '../../message.ts'
import {
  type ChannelLog,
  type ChannelState,
  CommitError,
  type OffsetRange,
} from '../channel-log.ts'
import type { OffsetRanges } from '../offset-ranges.ts'
import { Batch, type Chunk } from './chunk.ts'
import { logIdText } from './frame.ts'
import { LogDirectory } from './log-directory.ts'
import { LogSegments, type LogSegmentsOptions } from './log-segments.ts'
import { LogState } from './log-state.ts'
import type { Segment } from './segment.ts'
import { freshSegmentBytes } from './segment-index.ts'
import { SegmentWriter, type SegmentWriterOptions } from './segment-writer.ts'
import { type StagedGroup, StagingArea } from './staging-area.ts'

/** A probe proves room for the commit that failed, or, from try to try, for half of that; within these bounds. */
const PROBE_BYTES_AT_MOST = 1024 * 1024
const PROBE_BYTES_AT_LEAST = 4096
/** A drained log is begun anew when that gives back so much. */
const RENEW_FROM_BYTES = 32 * 1024

export interface DiskLogOptions extends SegmentWriterOptions, LogSegmentsOptions {
  /** Lets go of chunks that are only kept for quick reading, in any log. */
  readonly makeMemory: (bytes: number) => void
  /** Called when released segments were added to the history. */
  readonly trimHistory: () => void
  /** Called when the disk itself is full, whatever the bounds are: lets go of some history. */
  readonly easeDisk: () => void
}

/** Where a log goes on: what recovery found, or nothing for a new one. */
export interface DiskLogStart {
  readonly segments: Segment[]
  readonly isLastOpen: boolean
  readonly end: number
  readonly damaged: Iterable<OffsetRange>
  readonly state: ChannelState | undefined
  readonly stateBytes: number
}

export class DiskLog implements ChannelLog {
  readonly channel: string
  readonly id: string
  readonly #options: DiskLogOptions
  readonly #segments: LogSegments
  readonly #staging: StagingArea
  readonly #writer: SegmentWriter
  readonly #state: LogState
  readonly #names: LogDirectory
  #committed: number
  #released = 0
  #committing: Promise<void> | undefined
  /** A renewal or a probe, which a commit waits for. Never rejects. */
  #interlude: Promise<void> | undefined
  /** What the next probe asks for. */
  #probeBytes = PROBE_BYTES_AT_LEAST

  constructor(options: DiskLogOptions, start: DiskLogStart) {
    this.#options = options
    this.channel = options.channel
    this.id = logIdText(options.identity)
    this.#segments = new LogSegments(options, start.segments, start.damaged)
    this.#committed = start.end
    this.#staging = new StagingArea({ ...options, end: start.end })
    const names = new LogDirectory(options)
    this.#names = names
    this.#writer = new SegmentWriter(options, names, start.segments, start.isLastOpen)
    const around = { ...options, segments: this.#segments, names }
    this.#state = new LogState(around, start.state, start.stateBytes)
  }

  get start(): number {
    return this.#segments.list[0]?.base ?? this.#committed
  }

  get committed(): number {
    return this.#committed
  }

  get end(): number {
    return this.#staging.end
  }

  get bytes(): number {
    return this.#segments.heldBytes + this.#state.bytes + this.#staging.stagedBytes
  }

  get memoryBytes(): number {
    return this.#staging.memoryBytes + this.#segments.windowBytes
  }

  get damaged(): OffsetRanges {
    return this.#segments.damaged
  }

  get nextReclaim(): number {
    const oldest = this.#segments.oldestNeeded
    if (oldest === undefined || oldest.end >= this.#committed) {
      return this.#released < this.#committed ? this.#committed : this.end
    }
    return oldest.end
  }

  /** When the oldest segment kept only for replay was written; undefined when there is none. */
  get oldestHistoryAt(): number | undefined {
    return this.#segments.oldestHistoryAt
  }

  append(draft: Draft): void {
    this.#options.space.staged += this.#staging.append(draft)
  }

  commit(): Promise<void> {
    const committing = this.#commit().finally(() => {
      this.#committing = undefined
    })
    this.#committing = committing
    return committing
  }

  async #commit(): Promise<void> {
    const group = this.#staging.cut()
    await this.#interlude
    try {
      if (group.bytes === 0) await this.#names.sync()
      else await this.#writer.write(group)
    } catch (cause) {
      this.#probeBytes = Math.min(group.bytes, PROBE_BYTES_AT_MOST)
      await this.#giveUp(cause)
      throw this.#discard(group, cause)
    }
    this.#options.space.staged -= group.bytes
    this.#committed = group.endOffset
    this.#staging.trim(this.#committed)
  }

  async #giveUp(cause: unknown): Promise<void> {
    await this.#writer.abandon()
    if (systemCodeOf(cause) === 'ENOSPC') this.#options.easeDisk()
  }

  async probe(): Promise<void> {
    await this.#interlude
    // A commit under way is as good a proof.
    if (this.#committing !== undefined) return this.#committing
    const probing = this.#probe()
    this.#begin(probing.catch(() => undefined))
    return probing
  }

  async #probe(): Promise<void> {
    const bytes = Math.max(this.#probeBytes, PROBE_BYTES_AT_LEAST)
    try {
      await this.#writer.probe(this.#committed, bytes)
    } catch (cause) {
      this.#probeBytes = Math.floor(bytes / 2)
      await this.#giveUp(cause)
      throw cause
    }
  }

  #begin(interlude: Promise<void>): void {
    this.#interlude = interlude.finally(() => {
      this.#interlude = undefined
    })
  }

  #discard(group: StagedGroup, cause: unknown): CommitError {
    const batch = new Batch(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    for (const { chunk } of group.parts) {
      const from = Math.max(group.firstOffset, chunk.firstOffset)
      chunk.collect(from, Math.min(group.endOffset, chunk.endOffset), batch)
    }
    this.#staging.discard(group)
    this.#options.space.staged -= group.bytes
    const what = `writing ${batch.messages.length} messages of channel ${this.channel}`
    return new CommitError(`${what}: ${messageOf(cause)}`, batch.messages, { cause })
  }

  async read(from: number, maxCount: number, maxBytes: number): Promise<readonly Message[]> {
    const batch = new Batch(maxCount, maxBytes)
    let at = from
    while (!batch.isFull) {
      at = this.damaged.firstGap(Math.max(at, this.start))
      if (at >= this.#committed) break
      const chunk = this.#staging.find(at) ?? (await this.#segments.load(at, this.#committed))
      if (chunk !== undefined) at = this.#collect(chunk, at, batch)
    }
    return batch.messages
  }

  /** Takes what the chunk has from `from` on; returns where to go on. */
  #collect(chunk: Chunk, from: number, batch: Batch): number {
    const count = batch.messages.length
    const before = Math.min(this.#committed, chunk.endOffset)
    chunk.collect(from, before, batch)
    if (batch.unreadable !== undefined) this.damaged.add(batch.unreadable.from, batch.unreadable.to)
    if (batch.isFull || batch.unreadable !== undefined) {
      batch.unreadable = undefined
      const last = batch.messages.length > count ? batch.messages.at(-1) : undefined
      return last === undefined ? from : last.offset + 1
    }
    return before
  }

  async offsetAt(time: number): Promise<number> {
    for (const segment of [...this.#segments.list]) {
      let at = await this.#segments.locateTime(segment, time)
      while (at !== undefined) {
        at = this.damaged.firstGap(Math.max(at, this.start))
        if (at >= Math.min(segment.end, this.#committed)) break
        const chunk = this.#staging.find(at) ?? (await this.#segments.load(at, this.#committed))
        const found = chunk?.offsetAt(at, time)
        if (found !== undefined && found < this.#committed) return found
        if (chunk !== undefined) at = chunk.endOffset
      }
    }
    return this.#committed
  }

  release(offset: number): void {
    if (offset <= this.#released) return
    this.#released = Math.min(offset, this.#committed)
    this.#staging.dropBelow(this.#released)
    this.#segments.release(this.#released)
    this.#options.trimHistory()
  }

  loadState(): Promise<ChannelState | undefined> {
    return Promise.resolve(this.#state.current)
  }

  saveState(state: ChannelState): Promise<void> {
    return this.#state.save(state)
  }

  /** Lets go of the oldest segment that is only kept for replay. */
  evictOldest(): void {
    this.#segments.evictOldest()
  }

  /** Lets go of the oldest memory that is only kept for quick reading; returns its bytes. */
  dropOldestChunk(): number {
    return this.#segments.dropWindow() || this.#staging.dropOldest(this.#committed)
  }

  /**
   * Puts a fresh, empty segment in the place of all others when every message is released. Returns
   * the bytes given back: 0 when it is not worth it, or a commit is under way and the next shall do it.
   */
  renew(): number {
    const old = [...this.#segments.list]
    const held = this.#segments.heldBytes
    const fresh = freshSegmentBytes(this.#options.segmentBytes)
    const isDrained = this.#released >= this.#committed && old.at(-1)?.end !== old.at(-1)?.base
    if (!isDrained || held - fresh < RENEW_FROM_BYTES || this.#interlude !== undefined) return 0
    if (this.#committing !== undefined) {
      this.#writer.sealNext()
      return 0
    }
    const { space } = this.#options
    space.giveBack(held - fresh)
    const renewing = this.#renew(old).catch(() => space.count(held - fresh))
    this.#begin(renewing)
    space.removing(renewing)
    return held - fresh
  }

  async #renew(old: readonly Segment[]): Promise<void> {
    await this.#writer.renew(this.#committed)
    this.#segments.dropAllBut(1)
    for (const segment of old) await this.#segments.remove(segment).catch(() => undefined)
  }

  async close(): Promise<void> {
    await this.#committing?.catch(() => undefined)
    await this.#interlude
    await this.#state.settled()
    await this.#writer.close()
    await this.#segments.close()
    this.#staging.clear()
  }
}
