/**
 * The segments of one log from the readers' side: which file holds an offset, the window read
 * last, what was found damaged, and which segments nobody waits for any more.
 *
 *      history (released, kept for replay)   │  needed           active
 *     ┌─────────┬─────────┬─────────┐ ┌──────┴──┬─────────┐ ┌──────────
 *     └─────────┴─────────┴─────────┘ └─────────┴─────────┘ └──────────
 *      evicted from this end                 ▲ released
 */
import { asConnectorError, systemCodeOf } from '../../errors.ts'
import type { OffsetRange } from '../channel-log.ts'
import type { MemoryBudget } from '../memory-budget.ts'
import { OffsetRanges } from '../offset-ranges.ts'
import type { Chunk } from './chunk.ts'
import type { DiskSpace } from './disk-space.ts'
import type { FileLayer } from './file-layer.ts'
import type { LogIdentity } from './frame.ts'
import type { Finding, Quarantine } from './quarantine.ts'
import type { Segment } from './segment.ts'
import { SegmentReader, type Window } from './segment-reader.ts'
import { Sequence } from './sequence.ts'

/** Reads of a segment fail so often before what can't be read in it is taken for damaged. */
const PATIENCE = 3

export interface LogSegmentsOptions {
  readonly channel: string
  readonly files: FileLayer
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

interface Loaded {
  readonly chunk: Chunk | undefined
  readonly aside?: Aside
}

interface Unremoved {
  readonly segment: Segment
  isCounted: boolean
}

export class LogSegments {
  /** Oldest first. The last one is written to, if any is. */
  readonly list: Segment[]
  readonly damaged: OffsetRanges
  readonly #options: LogSegmentsOptions
  readonly #reader: SegmentReader
  readonly #disk = new Sequence()
  /** Segments at the front that are history, and their bytes. */
  #historyCount = 0
  #window: Chunk | undefined
  /** Out of the list, and still on disk. */
  readonly #unremoved: Unremoved[] = []

  constructor(options: LogSegmentsOptions, list: Segment[], damaged: Iterable<OffsetRange>) {
    this.#options = options
    this.list = list
    this.damaged = new OffsetRanges(damaged)
    this.#reader = new SegmentReader(options.files, options.identity)
  }

  /** Bytes of all files. */
  get heldBytes(): number {
    let bytes = 0
    for (const segment of this.list) bytes += segment.heldBytes
    return bytes
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

  /** Counts as history what lies wholly below `offset`. The last segment never does. */
  release(offset: number): void {
    if (this.#window !== undefined && this.#window.endOffset <= offset) this.#keep(undefined)
    while (this.#historyCount < this.list.length - 1) {
      const segment = this.list[this.#historyCount]
      if (segment === undefined || segment.end > offset) return
      this.#historyCount++
      this.#options.space.history += segment.heldBytes
    }
  }

  /** Removes the oldest history segment. Its bytes count as free when the file is gone. */
  evictOldest(): void {
    const segment = this.#historyCount === 0 ? undefined : this.list.shift()
    if (segment === undefined) return
    const { space } = this.#options
    const bytes = segment.heldBytes
    this.#historyCount--
    space.history -= bytes
    space.giveBack(bytes)
    space.removing(this.remove(segment).catch(() => undefined))
  }

  /**
   * Removes index files of the oldest sealed segments, `bytes` of them at least: room for something
   * that can't be made anew. Whoever reads such a segment walks it once.
   */
  giveUpIndexes(bytes: number): Promise<void> {
    return this.#disk.run(async () => {
      let given = 0
      for (const segment of this.list.slice(0, -1)) {
        if (given >= bytes) return
        if (segment.isIndexGivenUp) continue
        await this.#options.files.remove(segment.indexPath)
        segment.isIndexGivenUp = true
        given += segment.indexBytes
      }
    })
  }

  /** Takes all but the newest `count` segments out of the list, without touching files or space. */
  dropAllBut(count: number): void {
    const dropped = this.list.splice(0, this.list.length - count)
    for (const segment of dropped.slice(0, this.#historyCount)) {
      this.#options.space.history -= segment.heldBytes
    }
    this.#historyCount = 0
  }

  /**
   * Removes the files of a segment that is no longer in the list and whose bytes were given back: as
   * long as that fails they are counted again. Those it failed for before go first, for where a segment
   * ends is said by the next one's name alone.
   */
  remove(segment: Segment): Promise<void> {
    this.#unremoved.push({ segment, isCounted: false })
    return this.#disk.run(async () => {
      try {
        await this.#removeInOrder()
      } catch (error) {
        for (const entry of this.#unremoved) this.#count(entry)
        throw error
      }
    })
  }

  async #removeInOrder(): Promise<void> {
    const { files, space } = this.#options
    for (let first = this.#unremoved[0]; first !== undefined; first = this.#unremoved[0]) {
      const { segment, isCounted } = first
      await this.#reader.forget(segment)
      await files.remove(segment.logPath)
      await files.remove(segment.indexPath)
      if (isCounted) space.giveBack(segment.heldBytes)
      this.#unremoved.shift()
    }
  }

  #count(entry: Unremoved): void {
    if (!entry.isCounted) this.#options.space.count(entry.segment.heldBytes)
    entry.isCounted = true
  }

  /**
   * The window with the next message at or after `offset`. Undefined when there was damage, which
   * is in `damaged` by then, or when the segment has gone.
   * @throws {ConnectorError} StorageFailed when the medium can't be read now.
   */
  async load(offset: number, committed: number): Promise<Chunk | undefined> {
    const kept = this.#window
    if (kept !== undefined && kept.firstOffset <= offset && offset < kept.endOffset) return kept
    const { chunk, aside } = await this.#reading(() => this.#load(offset, committed))
    // Out of turn: to keep a copy may have to wait for removals, which wait for their turn here.
    if (aside !== undefined) await this.#options.quarantine.keep(aside.finding, aside.content)
    return chunk
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
    let low = 0
    let high = this.list.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.list[middle]?.base ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    return this.list[low - 1]
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
    if (segment === undefined) return { chunk: undefined }
    const window = await this.#look(segment, offset)
    if (window.kind === 'chunk') {
      const { chunk } = window
      this.#keep(chunk)
      if (chunk.firstOffset <= offset) return { chunk }
      const gap = { from: offset, to: chunk.firstOffset }
      return { chunk, aside: this.#noteDamage(segment, window, gap) }
    }
    const to = window.kind === 'damage' ? window.to : segment.end
    const from = window.kind === 'damage' ? window.from : offset
    const after = this.list[this.list.indexOf(segment) + 1]?.base ?? committed
    const offsets = { from, to: to > offset ? to : after }
    return { chunk: undefined, aside: this.#noteDamage(segment, window, offsets) }
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

  #noteDamage(segment: Segment, window: Window, offsets: OffsetRange): Aside {
    this.damaged.add(offsets.from, offsets.to)
    const { channel } = this.#options
    const damage = window.kind === 'damage' ? window.damage : undefined
    const position = damage?.position ?? segment.bytes
    const bytes = damage === undefined ? 0 : damage.end - damage.position
    const what = `${offsets.to - offsets.from} messages can't be read: their bytes on disk are missing or do not match their checksum.`
    const content = window.kind === 'damage' ? window.content : Buffer.alloc(0)
    return { finding: { channel, file: segment.logName, position, bytes, offsets, what }, content }
  }

  #keep(window: Chunk | undefined): void {
    const { budget } = this.#options
    if (this.#window !== undefined) budget.give(this.#window.heldBytes)
    this.#window = window
    if (window !== undefined) budget.take(window.heldBytes)
  }
}
