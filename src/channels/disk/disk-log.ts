/**
 * A channel's log on disk. Messages are encoded in the staging area, committed by the journal, and
 * moved to the log's own segments only if they are still needed when the journal needs their room.
 *
 *     <dir>/journal/…          what was committed lately, of all logs
 *     <dir>/channels/<channel>/0000000000000000.log   sealed, with its .idx
 *                              0000000000131072.log   active
 *                              cursors                where the readers are, after a clean stop
 *
 *      start          segments' end                committed          end
 *        │  segments       │  journal                  │   staged      │
 *     ───▼─────────────────▼───────────────────────────▼───────────────▼────▶ offsets
 *
 * Reads at the head come from memory; others from a window of one file at a time, so that a backlog
 * of any size costs the same.
 */

import type { Draft, Message } from '../../message.ts'
import type { ChannelLog, ChannelState, OffsetRange } from '../log/channel-log.ts'
import type { OffsetRanges } from '../log/offset-ranges.ts'
import { Batch, type Chunk } from './format/chunk.ts'
import { logIdText } from './format/frame.ts'
import { encodeState, writeStateFile } from './format/state-file.ts'
import { Extents } from './journal/extents.ts'
import type { JournaledLog, Share } from './journal/journal.ts'
import { identityText } from './journal/journal-reading.ts'
import { encodeLogEntry, updateLogEntry } from './journal/log-entry.ts'
import type { PlacedFrame, Slot, SlotUser } from './journal/slot.ts'
import { type StagedGroup, StagingArea } from './journal/staging-area.ts'
import type { Segment } from './segments/segment.ts'
import { LogSegments, type LogSegmentsOptions } from './segments/segment-list.ts'
import { SegmentWriter, type SegmentWriterOptions } from './segments/segment-writer.ts'

/** Claimed for every log: its state twice over, and the first frame of its segments. */
export const LOG_RESERVE_BYTES = 4096
/** Room comes back in steps of about so much where messages are in the journal alone. */
const RECLAIM_BYTES = 64 * 1024

export interface DiskLogOptions extends SegmentWriterOptions, LogSegmentsOptions {
  /** Bytes of a chunk, and so of a frame, at most. */
  readonly maxChunkBytes: number
  /** Lets go of chunks that are only kept for quick reading, in any log. */
  readonly makeMemory: (bytes: number) => void
  /** Something is to be written with the next commit. */
  readonly onStaged: (log: DiskLog) => void
  /** Called when messages were released: some slot may be free now, or the history too long. */
  readonly onReleased: () => void
}

/** Where a log goes on: what recovery found, or nothing for a new one. */
export interface DiskLogStart {
  readonly segments: Segment[]
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
  entryIn = 0
  entryCopies = 0
  readonly #options: DiskLogOptions
  readonly #segments: LogSegments
  readonly #extents = new Extents(this)
  readonly #staging: StagingArea
  readonly #writer: SegmentWriter
  #committed: number
  /** Messages below are in the segments, were not needed any more, or are damaged. */
  #settledTo: number
  /** Messages below are not needed any more, and the journal says so. */
  #released: number
  /** The same: what is asked for, and what the commit under way writes down. */
  #releaseTo: number
  #releasing: number
  #state: ChannelState | undefined
  #isEntryChanged = false
  #isStaged = false
  #entry: Buffer | undefined

  constructor(options: DiskLogOptions, start: DiskLogStart) {
    this.#options = options
    this.channel = options.channel
    this.id = logIdText(options.identity)
    this.#committed = start.end
    this.#settledTo = start.segments.at(-1)?.end ?? 0
    this.#released = start.released
    this.#releaseTo = start.released
    this.#releasing = start.released
    this.#state = start.state
    this.#segments = new LogSegments(options, start.segments, this.#extents, start.damaged)
    this.#staging = new StagingArea({ ...options, end: start.end })
    this.#writer = new SegmentWriter(options, this.#segments, start.isLastOpen)
    for (const frame of start.frames) this.#extents.add(frame)
    options.space.reserved += this.#extents.heldBytes
    this.#letGo()
    this.#findStart()
  }

  get start(): number {
    return this.#segments.start
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

  get memoryBytes(): number {
    return this.#staging.memoryBytes + this.#segments.windowBytes
  }

  get damaged(): OffsetRanges {
    return this.#segments.damaged
  }

  get nextReclaim(): number {
    return this.#segments.oldestNeeded?.end ?? this.#extents.heldEnd(RECLAIM_BYTES) ?? this.end
  }

  /** When the oldest segment kept only for replay was written; undefined when there is none. */
  get oldestHistoryAt(): number | undefined {
    return this.#segments.oldestHistoryAt
  }

  get identityText(): string {
    return identityText(this.#options.identity)
  }

  append(draft: Draft): void {
    this.#options.space.reserved += this.#staging.append(draft)
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

  /** Takes what is staged for a commit. */
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

  /** The share is durable. */
  committedShare({ group, placed }: Share): void {
    for (const frame of placed) this.#extents.add(frame)
    if (group !== undefined) {
      this.#committed = group.endOffset
      this.#staging.trim(this.#committed)
    }
    if (this.#releasing <= this.#released) return
    this.#released = this.#releasing
    this.#staging.dropBelow(this.#released)
    this.#letGo()
    this.#options.onReleased()
  }

  /** The share could not be written: returns its messages, which are not in the log any more. */
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
    this.#staging.discard(group)
    this.#options.space.reserved -= group.bytes
    return batch.messages
  }

  /** Gives back the room of what is released, or in the segments as well. */
  #letGo(): void {
    const { space } = this.#options
    space.reserved -= this.#extents.letGo(Math.max(this.#released, this.#settledTo))
    this.#segments.release(this.#released)
  }

  /**
   * Finds how far back messages can be read without a gap, from the first that is needed on. What lies
   * before a gap is of no use to anybody.
   */
  #findStart(): void {
    const { list, end } = this.#segments
    const runs = [...this.damaged, ...this.#extents.runs()]
    if (list[0] !== undefined) runs.push({ from: list[0].base, to: end })
    let start = Math.min(this.#released, this.#committed)
    for (let at = -1; at !== start; ) {
      at = start
      for (const { from, to } of runs) if (from < start && to >= start) start = from
    }
    const isThere = runs.some(({ from, to }) => from <= start && start < to)
    // Where even the oldest that is needed is gone, the log begins with what is left.
    const next = isThere
      ? start
      : Math.min(...runs.map(({ from }) => from).filter((at) => at > start))
    start = Math.min(next, this.#committed)
    this.#segments.start = start
    this.#extents.dropBelow(start)
    this.#segments.evictBelow(start)
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
      const from = await this.#segments.locateTime(segment, time)
      const found = from === undefined ? undefined : await this.#timeIn(from, segment.end, time)
      if (found !== undefined) return found
    }
    for (const { firstOffset, endOffset, newestReceivedAt } of [...this.#extents.list]) {
      if (endOffset <= this.#settledTo) continue
      if (newestReceivedAt > 0 && newestReceivedAt < time) continue
      const found = await this.#timeIn(firstOffset, endOffset, time)
      if (found !== undefined) return found
    }
    return this.#committed
  }

  /** The first offset of the range that was received at or after `time`. */
  async #timeIn(from: number, to: number, time: number): Promise<number | undefined> {
    for (let at = from; ; ) {
      at = this.damaged.firstGap(Math.max(at, this.start))
      if (at >= Math.min(to, this.#committed)) return undefined
      const chunk = this.#staging.find(at) ?? (await this.#segments.load(at, this.#committed))
      const found = chunk?.offsetAt(at, time)
      if (found !== undefined && found < this.#committed) return found
      if (chunk !== undefined) at = chunk.endOffset
    }
  }

  loadState(): Promise<ChannelState | undefined> {
    return Promise.resolve(this.#state)
  }

  /** Lets go of the oldest segment that is only kept for replay. */
  evictOldest(): void {
    this.#segments.evictOldest()
    this.#findStart()
  }

  /** Lets go of the oldest memory that is only kept for quick reading; returns its bytes. */
  dropOldestChunk(): number {
    return this.#segments.dropWindow() || this.#staging.dropOldest(this.#committed)
  }

  /**
   * Moves what is needed of a slot to the segments. Whatever fails, the slot still has it.
   * @throws a system error
   */
  async settle(slot: Slot): Promise<void> {
    const extent = this.#extents.list.find((one) => one.slot === slot)
    if (extent?.frames === undefined) return
    let at = extent.frames.firstOffset(this.#extents.firstHeld(extent))
    at = Math.max(at, this.#settledTo)
    // All of it was released while it waited for its turn.
    if (at >= extent.endOffset) return
    // What lies between was delivered and is not moved; so what lies before it is history that ends there.
    if (at > this.damaged.firstGap(this.#settledTo)) {
      this.#segments.evictBefore(at)
      this.#findStart()
    }
    try {
      // What is released meanwhile is not needed any more, and its slot may be used again.
      while (this.#extents.list.includes(extent)) {
        at = this.damaged.firstGap(at)
        if (at >= extent.endOffset) break
        const chunk = await this.#segments.framesOf(extent, at)
        if (chunk === undefined) continue
        // Room that is being given back is not used before the files are gone.
        await this.#options.space.settled()
        await this.#writer.append(chunk)
        at = chunk.endOffset
      }
      await this.#writer.sync()
    } catch (error) {
      await this.#writer.abandon()
      // What was released meanwhile may be gone, and its file with it.
      if (this.#extents.list.includes(extent)) throw error
      return
    }
    this.#settledTo = Math.max(this.#settledTo, at)
    this.#letGo()
  }

  forget(slot: Slot): void {
    this.#extents.forget(slot)
    this.#findStart()
  }

  /** Takes over messages that a slot keeps for replay: those before the oldest the log has. */
  addHistory(slot: Slot, firstOffset: number, endOffset: number): void {
    this.#extents.addHistory(slot, firstOffset, endOffset)
    this.#segments.start = firstOffset
  }

  /**
   * Writes beside the segments what the journal says about the log: for a start without the journal.
   * To be called when nothing is left to be settled.
   */
  async writeDown(): Promise<void> {
    const { files, directory, identity } = this.#options
    if (this.#segments.list.length === 0) {
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
    await this.#segments.close()
    this.#staging.clear()
  }
}
