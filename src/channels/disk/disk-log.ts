/**
 * A channel's log on disk. Messages are encoded in the staging area, committed by the journal, and
 * moved to the log's own segments only if they are still needed when the journal needs their room.
 *
 *     <dir>/journal/…          messages committed lately, of all logs
 *     <dir>/channels/<channel>/0000000000000000.log   sealed, with its .idx
 *                              0000000000131072.log   active
 *                              cursors                reader positions, after a clean stop
 *
 *      start          segments' end                committed          end
 *        │  segments       │  journal                  │   staged      │
 *     ───▼─────────────────▼───────────────────────────▼───────────────▼────▶ offsets
 *
 * `LogReader` reads it, wherever its messages are.
 */

import type { Draft, Message, Refusal } from '../../message.ts'
import { SerialQueue } from '../../serial-queue.ts'
import type { ChannelLog, ChannelState, OffsetRange } from '../log/channel-log.ts'
import { firstAbove, type OffsetRanges } from '../log/offset-ranges.ts'
import { Batch } from './format/chunk.ts'
import { logIdText } from './format/frame.ts'
import { encodeState, writeStateFile } from './format/state-file.ts'
import { WindowRoom } from './journal/extent-reader.ts'
import { type Extent, Extents } from './journal/extents.ts'
import type { JournaledLog, Share } from './journal/journal.ts'
import { identityText } from './journal/journal-reading.ts'
import { encodeLogEntry, updateLogEntry } from './journal/log-entry.ts'
import type { PlacedFrame, Slot, SlotUser } from './journal/slot.ts'
import { type StagedGroup, StagingArea } from './journal/staging-area.ts'
import { FileFault, type FileFaultOptions } from './log-fault.ts'
import { LogReader, type LogReaderOptions } from './log-reader.ts'
import type { Segment } from './segments/segment.ts'
import { SegmentList } from './segments/segment-list.ts'
import { SegmentReader } from './segments/segment-reader.ts'
import { SegmentWriter, type SegmentWriterOptions } from './segments/segment-writer.ts'

/** Bytes claimed for every log: for its state twice, and for the first frame of its segments. */
export const LOG_RESERVE_BYTES = 4096
/** Messages in the journal alone release room in steps of about this many bytes. */
const RECLAIM_BYTES = 64 * 1024

export interface DiskLogOptions extends SegmentWriterOptions, LogReaderOptions, FileFaultOptions {
  /** Upper bound for the bytes of a chunk, and so of a frame. */
  readonly maxChunkBytes: number
  /** Drops chunks that are only kept for quick reading, in any log. */
  readonly freeMemory: (bytes: number) => void
  /** The log has something for the next commit. */
  readonly onStaged: (log: DiskLog) => void
  /** Messages were released: a slot may be free now, or the history too long. */
  readonly onReleased: () => void
}

/** Where a log continues: what recovery found, or nothing for a new log. */
export interface DiskLogStart {
  readonly segments: readonly Segment[]
  readonly isLastOpen: boolean
  /** Frames in the journal, ascending. */
  readonly frames: readonly PlacedFrame[]
  readonly end: number
  readonly released: number
  readonly damaged: Iterable<OffsetRange>
  readonly state: ChannelState | undefined
}

export class DiskLog implements ChannelLog, JournaledLog, SlotUser {
  readonly channel: string
  readonly id: string
  readonly isVolatile = false
  readonly #options: DiskLogOptions
  readonly #segments: SegmentList
  readonly #extents = new Extents(this)
  readonly #staging: StagingArea
  readonly #writer: SegmentWriter
  readonly #reader: LogReader
  readonly #fileFault: FileFault
  #committed: number
  /** Messages below are in the segments, not needed any more, or damaged. */
  #settledTo: number
  /** Messages below are not needed any more, and the journal says so. */
  #released: number
  /** The offset to release up to with the next commit, and the one the commit under way writes. */
  #releaseTo: number
  #releasing: number
  #entryGeneration = 0
  #entryCopies = 0
  #state: ChannelState | undefined
  #isEntryChanged = false
  #isStaged = false
  #entry: Buffer | undefined

  constructor(options: DiskLogOptions, start: DiskLogStart) {
    this.#options = options
    this.channel = options.channel
    this.id = logIdText(options.identity)
    this.#fileFault = new FileFault(options)
    this.#committed = start.end
    this.#settledTo = start.segments.at(-1)?.end ?? 0
    this.#released = start.released
    this.#releaseTo = start.released
    this.#releasing = start.released
    this.#state = start.state
    this.#staging = new StagingArea({ ...options, end: start.end })
    const queue = new SerialQueue()
    const segmentReader = new SegmentReader(options.files, options.identity)
    const closeFile = (segment: Segment) => segmentReader.forget(segment)
    this.#segments = new SegmentList({ ...options, queue, closeFile }, start.segments)
    this.#writer = new SegmentWriter(options, this.#segments, start.isLastOpen)
    this.#reader = new LogReader(options, {
      log: this,
      staging: this.#staging,
      extents: this.#extents,
      segments: this.#segments,
      segmentReader,
      queue,
      damaged: start.damaged,
    })
    for (const frame of start.frames) this.#extents.add(frame)
    options.space.reserve(this.#extents.heldBytes)
    this.#releaseRoom()
    this.#findStart()
  }

  get start(): number {
    return this.#reader.start
  }

  get committed(): number {
    return this.#committed
  }

  get end(): number {
    return this.#staging.end
  }

  get bytes(): number {
    const { heldBytes } = this.#segments
    return heldBytes + this.#extents.heldBytes + this.#staging.stagedBytes
  }

  get fault(): Refusal | undefined {
    return this.#fileFault.refusal
  }

  get isSetAside(): boolean {
    return this.fault !== undefined
  }

  get memoryBytes(): number {
    return this.#staging.memoryBytes + this.#reader.windowBytes
  }

  get damaged(): OffsetRanges {
    return this.#reader.damaged
  }

  get nextReclaim(): number {
    return this.#segments.oldestNeeded?.end ?? this.#extents.heldEnd(RECLAIM_BYTES) ?? this.end
  }

  /** When the oldest segment kept only for replay was written; undefined if there is none. */
  get oldestHistoryAt(): number | undefined {
    return this.#segments.oldestHistoryAt
  }

  get identityText(): string {
    return identityText(this.#options.identity)
  }

  get entryGeneration(): number {
    return this.#entryGeneration
  }

  get entryCopies(): number {
    return this.#entryCopies
  }

  append(draft: Draft): void {
    this.#options.space.reserve(this.#staging.append(draft))
    if (!this.#isStaged) this.#stage()
  }

  noteState(state: ChannelState, released: number): void {
    this.#state = state
    this.#entry = undefined
    this.#isEntryChanged = true
    this.release(released)
    this.#stage()
  }

  release(offset: number): void {
    if (offset <= this.#releaseTo) return
    this.#releaseTo = Math.min(offset, this.#committed)
    this.#isEntryChanged = true
    this.#stage()
  }

  #stage(): void {
    if (this.#isStaged) return
    this.#isStaged = true
    this.#options.onStaged(this)
  }

  /** Takes everything staged, for a commit. */
  share(): Share {
    const group = this.#staging.cut()
    const isEntryChanged = this.#isEntryChanged
    this.#isStaged = false
    this.#isEntryChanged = false
    this.#releasing = this.#releaseTo
    return { log: this, group: group.bytes === 0 ? undefined : group, isEntryChanged, placed: [] }
  }

  entry(end: number): Buffer {
    if (this.#entry === undefined) {
      const { channel: name, identity } = this.#options
      const released = this.#releaseTo
      this.#entry = encodeLogEntry({ name, identity, released, end, state: this.#state })
    } else {
      updateLogEntry(this.#entry, this.#releaseTo, end)
    }
    return this.#entry
  }

  entryWritten(generation: number): void {
    this.#entryCopies = this.#entryGeneration === generation ? this.#entryCopies + 1 : 1
    this.#entryGeneration = generation
  }

  committedShare({ group, placed }: Share): void {
    for (const frame of placed) this.#extents.add(frame)
    if (group !== undefined) {
      this.#committed = group.endOffset
      this.#staging.trim(this.#committed)
    }
    if (this.#releasing <= this.#released) return
    this.#released = this.#releasing
    this.#staging.dropBelow(this.#released)
    this.#releaseRoom()
    this.#options.onReleased()
  }

  /** The share could not be written: takes its messages out of the log and returns them. */
  discardShare({ group, isEntryChanged }: Share): readonly Message[] {
    if (isEntryChanged) this.#isEntryChanged = true
    return group === undefined ? [] : this.#discard(group)
  }

  #discard(group: StagedGroup): readonly Message[] {
    const batch = new Batch(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    for (const { chunk } of group.parts) {
      const from = Math.max(group.firstOffset, chunk.firstOffset)
      chunk.collect(from, Math.min(group.endOffset, chunk.endOffset), batch)
    }
    this.#staging.collapse(group)
    this.#options.space.unreserve(group.bytes)
    return batch.messages
  }

  /** Releases the room of messages that are not needed any more, or are in the segments as well. */
  #releaseRoom(): void {
    const { space } = this.#options
    space.unreserve(this.#extents.release(Math.max(this.#released, this.#settledTo)))
    this.#reader.release(this.#released)
    this.#segments.release(this.#released)
    if (this.isSetAside && this.#extents.heldBytes === 0) this.#fileFault.ended()
  }

  /**
   * Finds how far back messages can be read without a gap, starting at the first one that is
   * needed. Messages before a gap are of no use to a reader.
   */
  #findStart(): void {
    const { first, end } = this.#segments
    const runs = [...this.damaged, ...this.#extents.runs()]
    if (first !== undefined) runs.push({ from: first.base, to: end })
    let start = Math.min(this.#released, this.#committed)
    for (let at = -1; at !== start; ) {
      at = start
      for (const { from, to } of runs) if (from < start && to >= start) start = from
    }
    const isThere = runs.some(({ from, to }) => from <= start && start < to)
    // If even the oldest needed message is gone, the log begins with the oldest one left.
    start = Math.min(isThere ? start : firstAbove(start, runs), this.#committed)
    this.#reader.startAt(start)
    this.#extents.dropBelow(start)
    this.#segments.evictBelow(start)
  }

  read(from: number, maxCount: number, maxBytes: number): Promise<readonly Message[]> {
    return this.#reader.read(from, maxCount, maxBytes)
  }

  offsetAt(time: number): Promise<number> {
    return this.#reader.offsetAt(time, this.#settledTo)
  }

  loadState(): Promise<ChannelState | undefined> {
    return Promise.resolve(this.#state)
  }

  /** Removes the oldest segment that is only kept for replay. */
  evictOldest(): void {
    this.#segments.evictOldest()
    this.#findStart()
  }

  /** Drops the oldest chunk that is only kept for quick reading; returns its bytes. */
  dropOldestChunk(): number {
    return this.#reader.dropWindow() || this.#staging.dropOldest(this.#committed)
  }

  /**
   * Moves frames that are still needed from a slot to the segments. Older slots come first: segments
   * have no place for what is older than their end. Another log may have kept such a slot waiting. If
   * it fails, the slots still have the frames.
   * @throws a system error
   */
  async settle(slot: Slot): Promise<void> {
    for (const extent of this.#extents.heldUpTo(slot)) await this.#settle(extent)
  }

  async #settle(extent: Extent): Promise<void> {
    if (extent.frames === undefined) return
    const room = new WindowRoom()
    let at = extent.frames.firstOffset(this.#extents.firstHeld(extent))
    at = Math.max(at, this.#settledTo)
    // All of it was released while this log waited for its turn.
    if (at >= extent.endOffset) return
    // Messages in between were delivered and are not moved, so the segments before them are history
    // that ends there.
    if (at > this.damaged.firstGap(this.#settledTo)) {
      this.#segments.evictBefore(at)
      this.#findStart()
    }
    try {
      // Released meanwhile, the extent is not needed any more, and its slot may be reused.
      while (this.#extents.list.includes(extent)) {
        at = this.damaged.firstGap(at)
        if (at >= extent.endOffset) break
        const chunk = await this.#reader.framesOf(extent, at, room)
        if (chunk === undefined) continue
        // Room that is being released must not be used before the files are gone.
        await this.#options.space.removalsDone()
        await this.#writer.append(chunk)
        at = chunk.endOffset
      }
      await this.#writer.sync()
    } catch (error) {
      await this.#writer.abandon()
      // Released meanwhile, the extent's slot may be gone; then the failure does not matter.
      if (!this.#extents.list.includes(extent)) return
      this.#fileFault.failed(error)
      throw error
    }
    this.#fileFault.ended()
    this.#settledTo = Math.max(this.#settledTo, at)
    this.#releaseRoom()
  }

  forget(slot: Slot): void {
    this.#extents.forget(slot)
    this.#findStart()
  }

  /** Adds messages that a slot keeps for replay; they must end at the log's start. */
  addHistory(slot: Slot, firstOffset: number, endOffset: number): void {
    this.#extents.addHistory(slot, firstOffset, endOffset)
    this.#reader.startAt(firstOffset)
  }

  /**
   * Writes what the journal says about the log to a file beside the segments, for a start without
   * the journal. Everything must be settled before.
   */
  async writeState(): Promise<void> {
    const { files, directory, identity } = this.#options
    if (this.#segments.last === undefined) {
      await this.#writer.markEnd(this.#committed)
      this.#settledTo = this.#committed
    }
    const log = {
      ...identity,
      released: this.#releaseTo,
      end: this.#committed,
      hasState: this.#state !== undefined,
    }
    const state = this.#state ?? { version: 1, cursors: {}, refused: {} }
    await files.makeDirectory(directory)
    await writeStateFile(files, directory, encodeState({ ...state, log }))
    await files.syncDirectory(directory)
  }

  async close(): Promise<void> {
    await this.#writer.close()
    await this.#reader.close()
    this.#staging.clear()
  }
}
