/**
 * The segments of one log from the readers' side: which file holds an offset, the window read
 * last, what was found damaged, and which segments nobody waits for any more. What the journal holds
 * of the log is read through here as well (`journal/extents.ts`).
 *
 *      history (released, kept for replay)   │  needed           active
 *     ┌─────────┬─────────┬─────────┐ ┌──────┴──┬─────────┐ ┌──────────
 *     └─────────┴─────────┴─────────┘ └─────────┴─────────┘ └──────────
 *      evicted from this end                 ▲ released
 */

import { basename } from 'node:path'
import { asConnectorError, systemCodeOf } from '../../../errors.ts'
import { SerialQueue } from '../../../serial-queue.ts'
import type { OffsetRange } from '../../log/channel-log.ts'
import type { MemoryBudget } from '../../log/memory-budget.ts'
import { OffsetRanges } from '../../log/offset-ranges.ts'
import type { DiskSpace } from '../files/disk-space.ts'
import type { FileLayer } from '../files/file-layer.ts'
import type { Finding, Quarantine } from '../files/quarantine.ts'
import { Removals } from '../files/removals.ts'
import type { Chunk } from '../format/chunk.ts'
import type { LogIdentity } from '../format/frame.ts'
import type { Window } from '../format/read-window.ts'
import { countUpTo } from '../format/sorted.ts'
import { readExtent } from '../journal/extent-reader.ts'
import type { Extent, Extents } from '../journal/extents.ts'
import type { Segment } from './segment.ts'
import { SegmentReader } from './segment-reader.ts'

/** Reads of a segment fail so often before what can't be read in it is taken for damaged. */
const PATIENCE = 3
/** And so often, one after the other, before a part of which nothing can be read is given up. */
const LAST_PATIENCE = 12

export interface LogSegmentsOptions {
  readonly channel: string
  readonly files: FileLayer
  /** Where the log's segments are. */
  readonly directory: string
  readonly identity: LogIdentity
  readonly space: DiskSpace
  readonly budget: MemoryBudget
  readonly quarantine: Quarantine
}

/** Damage that was found, for quarantine. */
interface Aside {
  readonly finding: Finding
  readonly content: Buffer
}

/** Where something was looked for in vain. */
interface Place {
  readonly file: string
  readonly position: number
}

interface Loaded {
  readonly chunk: Chunk | undefined
  readonly aside?: Aside
}

export class LogSegments {
  /** Oldest first. The last one is written to, if any is. */
  readonly list: Segment[]
  /** What the journal holds of the log. */
  readonly extents: Extents
  readonly damaged: OffsetRanges
  /** Messages below can't be read any more: history that is gone. The log's. */
  start = 0
  readonly #options: LogSegmentsOptions
  readonly #reader: SegmentReader
  readonly #disk = new SerialQueue()
  /** Segments at the front that are history, and their bytes. */
  #historyCount = 0
  #window: Chunk | undefined
  /** What is kept for replay only and was read last. */
  #replayed: Extent | undefined
  readonly #removals: Removals

  constructor(
    options: LogSegmentsOptions,
    list: Segment[],
    extents: Extents,
    damaged: Iterable<OffsetRange>,
  ) {
    this.#options = options
    this.list = list
    this.extents = extents
    this.damaged = new OffsetRanges(damaged)
    this.#reader = new SegmentReader(options.files, options.identity)
    this.#removals = new Removals({ ...options, turns: this.#disk })
  }

  /** Bytes of all files. */
  get heldBytes(): number {
    let bytes = 0
    for (const segment of this.list) bytes += segment.heldBytes
    return bytes
  }

  /** The offset after the last message that is in a segment; 0 without segments. */
  get end(): number {
    return this.list.at(-1)?.end ?? 0
  }

  get windowBytes(): number {
    return this.#window?.heldBytes ?? 0
  }

  /** The oldest segment that is still needed. */
  get oldestNeeded(): Segment | undefined {
    return this.list[this.#historyCount]
  }

  /** When the oldest history segment was written; undefined without history. */
  get oldestHistoryAt(): number | undefined {
    return this.#historyCount === 0 ? undefined : this.list[0]?.writtenAt
  }

  /** Lets go of the window read last; returns its bytes. */
  dropWindow(): number {
    const bytes = this.windowBytes
    this.#keep(undefined)
    return bytes
  }

  isHistory(segment: Segment): boolean {
    return this.list.indexOf(segment) < this.#historyCount
  }

  /** Keeps a file of the segment's name that could not be removed, because it is about to be rewritten. */
  takeBack(segment: Segment): Promise<void> {
    return this.#removals.takeBack(segment.logPath)
  }

  /** Adds a fresh segment, which is written from now on. */
  add(segment: Segment): void {
    this.list.push(segment)
  }

  /** Takes the last segment, which holds nothing, away again. */
  async removeLast(segment: Segment): Promise<void> {
    if (this.list.at(-1) !== segment) return
    this.list.pop()
    this.#options.space.giveBack(segment.heldBytes)
    await this.#remove(segment)
  }

  /** Counts as history what lies wholly below `offset`. */
  release(offset: number): void {
    if (this.#window !== undefined && this.#window.endOffset <= offset) this.#keep(undefined)
    while (this.#historyCount < this.list.length) {
      const segment = this.list[this.#historyCount]
      if (segment === undefined || segment.end > offset) return
      // What holds nothing yet, or is being written to, is needed.
      if (segment.end === segment.base || segment.unsyncedBytes > 0) return
      this.#countAsHistory(segment)
    }
  }

  /** Removes the oldest history segment. Its bytes count as free when the file is gone. */
  evictOldest(): void {
    const segment = this.#historyCount === 0 ? undefined : this.list.shift()
    if (segment === undefined) return
    const { space } = this.#options
    this.#historyCount--
    space.history -= segment.historyBytes
    space.giveBack(segment.heldBytes)
    space.removing(this.#remove(segment).catch(() => undefined))
  }

  /** Lets go of segments that end at or before `offset`. */
  evictBelow(offset: number): void {
    for (let first = this.list[0]; first !== undefined; first = this.list[0]) {
      if (first.end > offset || first.end === first.base || first.unsyncedBytes > 0) return
      if (this.#historyCount === 0) this.#countAsHistory(first)
      this.evictOldest()
    }
  }

  /**
   * Lets go of segments that begin before `offset`: what follows them up to there was not kept, so they
   * are history that ends too early.
   */
  evictBefore(offset: number): void {
    for (let first = this.list[0]; first !== undefined; first = this.list[0]) {
      if (first.base >= offset) return
      if (this.#historyCount === 0) this.#countAsHistory(first)
      this.evictOldest()
    }
  }

  #countAsHistory(segment: Segment): void {
    this.#historyCount++
    segment.historyBytes = segment.heldBytes
    this.#options.space.history += segment.historyBytes
  }

  /** Removes the files of a segment that is no longer in the list and whose bytes were given back. */
  #remove(segment: Segment): Promise<void> {
    return this.#removals.remove({
      paths: [segment.logPath, segment.indexPath],
      bytes: segment.heldBytes,
      close: () => this.#reader.forget(segment),
    })
  }

  /**
   * The window with the next message at or after `offset`. Undefined when there was damage, which
   * is in `damaged` by then, or when the segment has gone.
   * @throws {ConnectorError} StorageFailed when the medium can't be read now.
   */
  async load(offset: number, committed: number): Promise<Chunk | undefined> {
    const kept = this.#window
    if (kept !== undefined && kept.firstOffset <= offset && offset < kept.endOffset) return kept
    const extent = this.extents.find(offset)
    const { chunk, aside } = await this.#reading(() =>
      extent === undefined ? this.#load(offset, committed) : this.#loadExtent(extent, offset),
    )
    if (chunk !== undefined) this.#keep(chunk)
    await this.#setAside(aside)
    return chunk
  }

  /**
   * The frames of the extent from `offset` on, to be moved to a segment. Undefined when there was
   * damage, which is in `damaged` by then.
   * @throws {ConnectorError} StorageFailed when the medium can't be read now.
   */
  async framesOf(extent: Extent, offset: number): Promise<Chunk | undefined> {
    const { chunk, aside } = await this.#reading(() => this.#loadExtent(extent, offset))
    await this.#setAside(aside)
    return chunk
  }

  /** Not within a read's turn: to keep a copy may have to wait for removals, which wait for theirs. */
  async #setAside(aside: Aside | undefined): Promise<void> {
    if (aside !== undefined) await this.#options.quarantine.keep(aside.finding, aside.content)
  }

  /**
   * An offset at or before the first one in the segment received at or after `time`.
   * @throws {ConnectorError} StorageFailed when the medium can't be read now.
   */
  locateTime(segment: Segment, time: number): Promise<number | undefined> {
    return this.#reading(async () => (await this.#reader.index(segment)).locateTime(time))
  }

  async close(): Promise<void> {
    await this.#disk.run(() => this.#reader.close())
    this.#keep(undefined)
  }

  /** The segment that holds `offset`, were it there. */
  segmentOf(offset: number): Segment | undefined {
    const upTo = countUpTo(offset, this.list.length, (place) => this.list[place]?.base ?? 0)
    return this.list[upTo - 1]
  }

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await this.#disk.run(read)
    } catch (error) {
      throw asConnectorError(error, 'StorageFailed', `reading channel ${this.#options.channel}`)
    }
  }

  async #load(offset: number, committed: number): Promise<Loaded> {
    const segment = this.segmentOf(offset)
    if (segment === undefined) {
      const end = Math.min(this.list[0]?.base ?? committed, this.#afterSegments(offset, committed))
      return this.#loaded({ kind: 'end' }, { file: 'journal', position: 0 }, offset, end)
    }
    const window = await this.#look(segment, offset)
    const place = { file: segment.logName, position: segment.bytes }
    const next = this.list[this.list.indexOf(segment) + 1]?.base
    return this.#loaded(window, place, offset, next ?? this.#afterSegments(offset, committed))
  }

  /** Where the messages go on behind the last segment. */
  #afterSegments(offset: number, committed: number): number {
    const next = this.extents.list.find((extent) => extent.firstOffset > offset)
    return next?.firstOffset ?? committed
  }

  async #loadExtent(extent: Extent, offset: number): Promise<Loaded> {
    const window = await this.#lookInto(extent, offset)
    // The slot may have been used again meanwhile; then the messages are history that is gone.
    if (window.kind === 'end' && this.extents.find(offset) !== extent) return { chunk: undefined }
    const place = { file: basename(extent.slot.path), position: 0 }
    return this.#loaded(window, place, offset, extent.endOffset)
  }

  /** What a look gave; what should have been there and is not is damage. */
  #loaded(window: Window, place: Place, offset: number, end: number): Loaded {
    // It may have gone while the read waited for its turn.
    if (offset < this.start) return { chunk: undefined }
    if (window.kind === 'chunk') {
      const { chunk } = window
      if (chunk.firstOffset <= offset) return { chunk }
      const gap = { from: offset, to: chunk.firstOffset }
      return { chunk, aside: this.#noteDamage(place, window, gap) }
    }
    const to = window.kind === 'damage' ? window.to : end
    const from = window.kind === 'damage' ? window.from : offset
    const offsets = { from, to: to > offset ? to : end }
    return { chunk: undefined, aside: this.#noteDamage(place, window, offsets) }
  }

  async #lookInto(extent: Extent, offset: number): Promise<Window> {
    if (extent.frames === undefined) {
      // One table at a time, however much history is replayed.
      if (this.#replayed !== undefined) this.#replayed.frames = undefined
      this.#replayed = extent
    }
    try {
      const isLenient = extent.readFailures >= PATIENCE
      const window = await readExtent(extent, offset, this.#options.identity, isLenient)
      extent.readFailures = 0
      return window
    } catch (error) {
      extent.readFailures++
      if (extent.readFailures < LAST_PATIENCE) throw error
      return { kind: 'end' }
    }
  }

  /** What fails for good must not stop a reader for ever: a file that is gone, a sector gone bad. */
  async #look(segment: Segment, offset: number): Promise<Window> {
    try {
      return await this.#reader.window(segment, offset, segment.readFailures >= PATIENCE)
    } catch (error) {
      segment.readFailures++
      if (systemCodeOf(error) === 'ENOENT' && this.list.includes(segment)) return { kind: 'end' }
      throw error
    }
  }

  #noteDamage(place: Place, window: Window, offsets: OffsetRange): Aside {
    this.damaged.add(offsets.from, offsets.to)
    const { channel } = this.#options
    const damage = window.kind === 'damage' ? window.damage : undefined
    const position = damage?.position ?? place.position
    const bytes = damage === undefined ? 0 : damage.end - damage.position
    const what = `${offsets.to - offsets.from} messages can't be read: their bytes on disk are missing or do not match their checksum.`
    const content = window.kind === 'damage' ? window.content : Buffer.alloc(0)
    return { finding: { channel, file: place.file, position, bytes, offsets, what }, content }
  }

  #keep(window: Chunk | undefined): void {
    const { budget } = this.#options
    if (this.#window !== undefined) budget.give(this.#window.heldBytes)
    this.#window = window
    if (window !== undefined) budget.take(window.heldBytes)
  }
}
