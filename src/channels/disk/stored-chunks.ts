/**
 * Reads ranges of a channel's messages from a data directory, whether a connector uses it or not,
 * without a lock and without changing anything: from its segments and from the journal.
 *
 * A connector that uses the directory moves messages from the journal to segments, and removes what
 * nobody needs. At a gap, the directory is therefore looked at once more: messages that have moved
 * are found in their new place.
 */
import { systemCodeOf } from '../../errors.ts'
import type { FileLayer } from './files/file-layer.ts'
import { nodeFileLayer } from './files/node-file-layer.ts'
import type { Chunk } from './format/chunk.ts'
import type { Window } from './format/read-window.ts'
import { readExtent } from './journal/extent-reader.ts'
import { identityText } from './journal/journal-reading.ts'
import { SegmentReader } from './segments/segment-reader.ts'
import { openStoredLog, type StoredLog } from './stored-log.ts'

/** A log with many gaps must not be opened for each of them. */
const MAX_REOPENINGS = 32

export interface StoredRange {
  readonly channel: string
  /** The first offset; by default the oldest. */
  readonly from?: number | undefined
  /** The offset after the last; by default it reads as far as there are messages. */
  readonly to?: number | undefined
}

/** The messages `from ≤ offset < to` of the chunk. */
export interface ChunkPart {
  readonly chunk: Chunk
  readonly from: number
  readonly to: number
}

/**
 * Yields the range in order. Offsets that no part has are damaged or removed.
 * @throws a system error when files can't be read
 */
export async function* storedChunks(
  directory: string,
  { channel, from, to }: StoredRange,
  files: FileLayer = nodeFileLayer,
): AsyncGenerator<ChunkPart> {
  const reader = new StoredChunks(directory, channel, files)
  try {
    yield* reader.read(from, to)
  } finally {
    await reader.close()
  }
}

/** Where to go on behind the window; undefined if the window does not say. */
function endOf(window: Window, at: number): number | undefined {
  if (window.kind === 'end') return undefined
  const end = window.kind === 'chunk' ? window.chunk.endOffset : window.to
  return end > at ? end : undefined
}

/**
 * Several ranges of one channel, read one after the other. The log is looked at once, and again only
 * if a range ends behind it or has a gap.
 */
export class StoredChunks {
  readonly #directory: string
  readonly #channel: string
  readonly #files: FileLayer
  #log: StoredLog | undefined
  #reader: SegmentReader | undefined
  #reopenings = 0
  /** History from here on was looked for. */
  #openedFrom = 0
  /** Since the log was opened, nothing was read and no range has ended, so it is as it was found. */
  #isFresh = true

  constructor(directory: string, channel: string, files: FileLayer = nodeFileLayer) {
    this.#directory = directory
    this.#channel = channel
    this.#files = files
  }

  /** As `storedChunks`. */
  async *read(from = 0, to = Number.POSITIVE_INFINITY): AsyncGenerator<ChunkPart> {
    this.#reopenings = 0
    if ((this.#log === undefined || from < this.#openedFrom) && !(await this.#openFrom(from)))
      return
    if (to > this.#end) await this.#reopen()
    const end = Math.min(to, this.#end)
    let at = Math.max(from, this.#log?.first ?? 0)
    while (at < end) {
      const window = await this.#windowAt(at)
      const isGap = window.kind !== 'chunk' || window.chunk.firstOffset > at
      if (isGap && (await this.#reopen())) continue
      if (window.kind === 'chunk') {
        const { chunk } = window
        yield { chunk, from: at, to: Math.min(chunk.endOffset, end) }
      }
      at = endOf(window, at) ?? this.#log?.nextPlace(at) ?? end
    }
    this.#isFresh = false
  }

  async close(): Promise<void> {
    await this.#reader?.close()
    await this.#log?.close()
  }

  get #end(): number {
    return this.#log?.end ?? 0
  }

  /** Returns false if the directory has no such log. */
  async #openFrom(offset: number): Promise<boolean> {
    await this.close()
    this.#openedFrom = offset
    return this.#open()
  }

  async #open(): Promise<boolean> {
    const wantedFrom = () => this.#openedFrom
    this.#log = await openStoredLog(this.#files, this.#directory, this.#channel, { wantedFrom })
    await this.#log?.openSlots(this.#files)
    this.#reader = this.#log && new SegmentReader(this.#files, this.#log.identity)
    this.#isFresh = true
    return this.#log !== undefined
  }

  /** Returns false if looking once more would change nothing, or the log is another one now. */
  async #reopen(): Promise<boolean> {
    if (this.#isFresh || this.#reopenings >= MAX_REOPENINGS) return false
    this.#reopenings++
    const log = this.#log
    const reader = this.#reader
    const isSame = (await this.#open()) && log !== undefined && isOf(this.#log, log)
    if (isSame) {
      await Promise.all([log.close(), reader?.close()])
      return true
    }
    await this.close()
    this.#log = log
    this.#reader = reader
    return false
  }

  /** A segment that the process using the directory has removed meanwhile counts as an end. */
  async #windowAt(offset: number): Promise<Window> {
    const window = await this.#windowIn(offset)
    if (window.kind === 'chunk' && window.chunk.firstOffset <= offset) this.#isFresh = false
    return window
  }

  async #windowIn(offset: number): Promise<Window> {
    if (this.#log === undefined || this.#reader === undefined) return { kind: 'end' }
    const extent = this.#log.extentOf(offset)
    if (extent !== undefined) return readExtent(extent, offset, this.#log.identity)
    const segment = this.#log.segmentOf(offset)
    if (segment === undefined) return { kind: 'end' }
    try {
      return await this.#reader.window(segment, offset, true)
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return { kind: 'end' }
      throw error
    }
  }
}

function isOf(log: StoredLog | undefined, other: StoredLog): boolean {
  return log !== undefined && identityText(log.identity) === identityText(other.identity)
}
