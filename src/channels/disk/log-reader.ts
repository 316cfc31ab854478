/**
 * Reads the messages of one log, wherever they are: in the staging area, in a slot of the journal,
 * or in a segment. It keeps the window that was read last and reports what it finds damaged.
 *
 * Reads at the head come from memory, others from a window of one file at a time, so that a backlog
 * of any size costs the same.
 */

import { basename } from 'node:path'
import { asConnectorError, systemCodeOf } from '../../errors.ts'
import type { Message } from '../../message.ts'
import type { SerialQueue } from '../../serial-queue.ts'
import { counted } from '../../units.ts'
import type { ChannelLog, OffsetRange } from '../log/channel-log.ts'
import type { MemoryBudget } from '../log/memory-budget.ts'
import { OffsetRanges } from '../log/offset-ranges.ts'
import type { DamageReport, Quarantine } from './files/quarantine.ts'
import { Batch, type Chunk } from './format/chunk.ts'
import type { LogIdentity } from './format/frame.ts'
import type { Window } from './format/read-window.ts'
import { readExtent, type WindowRoom } from './journal/extent-reader.ts'
import type { Extent, Extents } from './journal/extents.ts'
import type { StagingArea } from './journal/staging-area.ts'
import type { Segment } from './segments/segment.ts'
import type { SegmentList } from './segments/segment-list.ts'
import type { SegmentReader } from './segments/segment-reader.ts'

/** After this many failures, bytes of a file that still can't be read count as damage. */
const MAX_READ_FAILURES = 3
/** After this many failures in a row, all of an extent that can't be read counts as damage. */
const MAX_EXTENT_READ_FAILURES = 12

export interface LogReaderOptions {
  readonly channel: string
  readonly identity: LogIdentity
  readonly budget: MemoryBudget
  readonly quarantine: Quarantine
}

/** What the reader reads from. */
export interface LogParts {
  readonly log: Pick<ChannelLog, 'committed'>
  readonly staging: StagingArea
  readonly extents: Extents
  readonly segments: SegmentList
  readonly segmentReader: SegmentReader
  /** Reads and removals of the log's files take turns in it. */
  readonly queue: SerialQueue
  readonly damaged: Iterable<OffsetRange>
}

/** Damage that was found, for the quarantine. */
interface FoundDamage {
  readonly report: DamageReport
  readonly content: Buffer
}

/** Where messages were expected. */
interface Place {
  readonly file: string
  readonly position: number
}

interface Loaded {
  readonly chunk: Chunk | undefined
  readonly damage?: FoundDamage
}

export class LogReader {
  readonly damaged: OffsetRanges
  readonly #options: LogReaderOptions
  readonly #parts: LogParts
  #start = 0
  #window: Chunk | undefined
  /** The extent kept only for replay that was read last. */
  #replayed: Extent | undefined

  constructor(options: LogReaderOptions, parts: LogParts) {
    this.#options = options
    this.#parts = parts
    this.damaged = new OffsetRanges(parts.damaged)
  }

  /** Messages below can't be read any more: history that was removed. */
  get start(): number {
    return this.#start
  }

  get windowBytes(): number {
    return this.#window?.heldBytes ?? 0
  }

  /** Messages below `offset` can't be read from now on. */
  startAt(offset: number): void {
    this.#start = offset
  }

  /** Nobody waits for messages below `offset`. */
  release(offset: number): void {
    if (this.#window !== undefined && this.#window.endOffset <= offset) this.#keep(undefined)
  }

  /** Drops the window that was read last; returns its bytes. */
  dropWindow(): number {
    const bytes = this.windowBytes
    this.#keep(undefined)
    return bytes
  }

  async close(): Promise<void> {
    await this.#parts.queue.run(() => this.#parts.segmentReader.close())
    this.#keep(undefined)
  }

  /** As `ChannelLog.read`. */
  async read(from: number, maxCount: number, maxBytes: number): Promise<readonly Message[]> {
    const batch = new Batch(maxCount, maxBytes)
    let at = from
    while (!batch.isFull) {
      at = this.damaged.firstGap(Math.max(at, this.#start))
      if (at >= this.#parts.log.committed) break
      const chunk = this.#parts.staging.find(at) ?? (await this.#load(at))
      if (chunk !== undefined) at = this.#collect(chunk, at, batch)
    }
    return batch.messages
  }

  /** Adds the messages of the chunk from `from` on; returns where to go on. */
  #collect(chunk: Chunk, from: number, batch: Batch): number {
    const count = batch.messages.length
    const before = Math.min(this.#parts.log.committed, chunk.endOffset)
    chunk.collect(from, before, batch)
    const unreadable = batch.takeUnreadable()
    if (unreadable !== undefined) this.damaged.add(unreadable.from, unreadable.to)
    if (!batch.isFull && unreadable === undefined) return before
    const last = batch.messages.length > count ? batch.messages.at(-1) : undefined
    return last === undefined ? from : last.offset + 1
  }

  /** As `ChannelLog.offsetAt`; messages below `settledTo` are in the segments. */
  async offsetAt(time: number, settledTo: number): Promise<number> {
    const { segments, extents, log } = this.#parts
    for (const segment of segments.all()) {
      const from = await this.#locateTime(segment, time)
      const found = from === undefined ? undefined : await this.#timeIn(from, segment.end, time)
      if (found !== undefined) return found
    }
    for (const { firstOffset, endOffset, newestReceivedAt } of [...extents.list]) {
      if (endOffset <= settledTo) continue
      if (newestReceivedAt > 0 && newestReceivedAt < time) continue
      const found = await this.#timeIn(firstOffset, endOffset, time)
      if (found !== undefined) return found
    }
    return log.committed
  }

  /** The first offset of the range that was received at or after `time`. */
  async #timeIn(from: number, to: number, time: number): Promise<number | undefined> {
    const { log } = this.#parts
    for (let at = from; ; ) {
      at = this.damaged.firstGap(Math.max(at, this.#start))
      if (at >= Math.min(to, log.committed)) return undefined
      const chunk = this.#parts.staging.find(at) ?? (await this.#load(at))
      const found = chunk?.offsetAt(at, time)
      if (found !== undefined && found < log.committed) return found
      if (chunk !== undefined) at = chunk.endOffset
    }
  }

  /** An offset at or before the first one in the segment received at or after `time`. */
  #locateTime(segment: Segment, time: number): Promise<number | undefined> {
    const { segmentReader } = this.#parts
    return this.#reading(async () => (await segmentReader.index(segment)).locateTime(time))
  }

  /**
   * The window with the next message at or after `offset`. Undefined when there was damage, which
   * is in `damaged` by then, or when the segment was removed.
   * @throws {ConnectorError} StorageFailed when the medium can't be read now.
   */
  async #load(offset: number): Promise<Chunk | undefined> {
    const kept = this.#window
    if (kept !== undefined && kept.firstOffset <= offset && offset < kept.endOffset) return kept
    const { committed } = this.#parts.log
    const extent = this.#parts.extents.find(offset)
    const { chunk, damage } = await this.#reading(() =>
      extent === undefined
        ? this.#loadSegment(offset, committed)
        : this.#loadExtent(extent, offset),
    )
    if (chunk !== undefined) this.#keep(chunk)
    await this.#quarantine(damage)
    return chunk
  }

  /**
   * The frames of the extent from `offset` on, to be moved to a segment, in memory of `room`.
   * Undefined when there was damage, which is in `damaged` by then.
   * @throws {ConnectorError} StorageFailed when the medium can't be read now.
   */
  async framesOf(extent: Extent, offset: number, room: WindowRoom): Promise<Chunk | undefined> {
    const { chunk, damage } = await this.#reading(() => this.#loadExtent(extent, offset, room))
    await this.#quarantine(damage)
    return chunk
  }

  /**
   * Must not run in the queue: keeping a copy may have to wait for removals, which wait for their
   * turn in it.
   */
  async #quarantine(damage: FoundDamage | undefined): Promise<void> {
    if (damage !== undefined) await this.#options.quarantine.keep(damage.report, damage.content)
  }

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await this.#parts.queue.run(read)
    } catch (error) {
      throw asConnectorError(error, 'StorageFailed', `reading channel ${this.#options.channel}`)
    }
  }

  async #loadSegment(offset: number, committed: number): Promise<Loaded> {
    const { segments } = this.#parts
    const segment = segments.segmentOf(offset)
    if (segment === undefined) {
      const first = segments.first?.base ?? committed
      const end = Math.min(first, this.#afterSegments(offset, committed))
      return this.#loaded({ kind: 'end' }, { file: 'journal', position: 0 }, offset, end)
    }
    const window = await this.#readSegment(segment, offset)
    const place = { file: segment.logName, position: segment.bytes }
    const end = segments.after(segment)?.base ?? this.#afterSegments(offset, committed)
    return this.#loaded(window, place, offset, end)
  }

  /** Where the messages go on behind the last segment. */
  #afterSegments(offset: number, committed: number): number {
    const next = this.#parts.extents.list.find((extent) => extent.firstOffset > offset)
    return next?.firstOffset ?? committed
  }

  async #loadExtent(extent: Extent, offset: number, room?: WindowRoom): Promise<Loaded> {
    const window = await this.#readSlot(extent, offset, room)
    // If the slot was reused meanwhile, the messages are history that was removed.
    if (window.kind === 'end' && this.#parts.extents.find(offset) !== extent) {
      return { chunk: undefined }
    }
    const place = { file: basename(extent.slot.path), position: 0 }
    return this.#loaded(window, place, offset, extent.endOffset)
  }

  /** The chunk that a read gave. Messages that should have been there and were not are damaged. */
  #loaded(window: Window, place: Place, offset: number, end: number): Loaded {
    // History may have been removed while the read waited for its turn.
    if (offset < this.#start) return { chunk: undefined }
    if (window.kind === 'chunk') {
      const { chunk } = window
      if (chunk.firstOffset <= offset) return { chunk }
      const gap = { from: offset, to: chunk.firstOffset }
      return { chunk, damage: this.#noteDamage(place, window, gap) }
    }
    const to = window.kind === 'damage' ? window.to : end
    const from = window.kind === 'damage' ? window.from : offset
    const offsets = { from, to: to > offset ? to : end }
    return { chunk: undefined, damage: this.#noteDamage(place, window, offsets) }
  }

  async #readSlot(extent: Extent, offset: number, room?: WindowRoom): Promise<Window> {
    if (extent.frames === undefined) {
      // Keep one table at a time, however much history is replayed.
      this.#replayed?.dropTable()
      this.#replayed = extent
    }
    try {
      const isLenient = extent.readFailures >= MAX_READ_FAILURES
      const window = await readExtent(extent, offset, this.#options.identity, isLenient, room)
      extent.clearReadFailures()
      return window
    } catch (error) {
      extent.countReadFailure()
      if (extent.readFailures < MAX_EXTENT_READ_FAILURES) throw error
      return { kind: 'end' }
    }
  }

  /** A missing file or a bad sector must not stop a reader indefinitely. */
  async #readSegment(segment: Segment, offset: number): Promise<Window> {
    const { segmentReader, segments } = this.#parts
    try {
      const isLenient = segment.readFailures >= MAX_READ_FAILURES
      return await segmentReader.window(segment, offset, isLenient)
    } catch (error) {
      segment.countReadFailure()
      if (systemCodeOf(error) === 'ENOENT' && segments.has(segment)) return { kind: 'end' }
      throw error
    }
  }

  #noteDamage(place: Place, window: Window, offsets: OffsetRange): FoundDamage {
    this.damaged.add(offsets.from, offsets.to)
    const { channel } = this.#options
    const damage = window.kind === 'damage' ? window.damage : undefined
    const position = damage?.position ?? place.position
    const bytes = damage === undefined ? 0 : damage.end - damage.position
    const what = `${counted(offsets.to - offsets.from, 'message')} can't be read: the bytes on disk are missing or do not match their checksum.`
    const content = window.kind === 'damage' ? window.content : Buffer.alloc(0)
    return { report: { channel, file: place.file, position, bytes, offsets, what }, content }
  }

  #keep(window: Chunk | undefined): void {
    const { budget } = this.#options
    if (this.#window !== undefined) budget.give(this.#window.heldBytes)
    this.#window = window
    if (window !== undefined) budget.take(window.heldBytes)
  }
}
