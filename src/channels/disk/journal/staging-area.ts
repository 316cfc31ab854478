/**
 * Encodes messages as they arrive, and keeps them for quick reading after their commit. Chunks are
 * filled one after the other, and the journal copies their frames straight from here; no message is
 * encoded twice.
 *
 *      oldest chunk                                newest chunk
 *     ┌──────────────────┐ ┌──────────────────┐ ┌───────────────────────────────┐
 *     │ frame frame frame│ │ frame      frame │ │ frame │ frame │ open frame …   │
 *     └──────────────────┘ └──────────────────┘ └───────┴───────┴────────────────┘
 *       kept for readers                       cut ▲       being      ▲ position
 *       (the oldest go first)                    committed │ staged
 */
import type { Draft } from '../../../message.ts'
import type { MemoryBudget } from '../../log/memory-budget.ts'
import { Chunk } from '../format/chunk.ts'
import {
  FRAME_HEADER_BYTES,
  frameBytesAt,
  frameCountAt,
  type LogIdentity,
  logIdText,
  moveFrame,
  sealFrame,
} from '../format/frame.ts'
import { MAX_TIME_STEP_MS, recordBytesAtMost, writeRecord } from '../format/record.ts'

const SMALLEST_CHUNK_BYTES = 16 * 1024
/** Also the largest frame, except for one with a single large record. */
const LARGEST_CHUNK_BYTES = 256 * 1024
/** A reader further behind reads windows from disk, which costs hardly more. */
const KEPT_CHUNKS = 4
/** Times are 48 bits on disk. */
const MAX_TIME = 2 ** 48 - 1

/** Whole frames that are committed together. */
export interface StagedGroup {
  readonly parts: readonly StagedPart[]
  readonly firstOffset: number
  readonly endOffset: number
  readonly bytes: number
}

export interface StagedPart {
  readonly chunk: Chunk
  readonly from: number
  readonly to: number
}

export interface StagingAreaOptions {
  readonly identity: LogIdentity
  readonly end: number
  readonly budget: MemoryBudget
  /** The largest chunk, and so the largest frame, if it must be smaller than usual. */
  readonly maxChunkBytes: number
  /** Called before a chunk is taken: drops chunks kept only for quick reading, in any log. */
  readonly freeMemory: (bytes: number) => void
}

export class StagingArea {
  readonly #identity: LogIdentity
  readonly #logId: string
  readonly #budget: MemoryBudget
  readonly #freeMemory: (bytes: number) => void
  readonly #chunks: Chunk[] = []
  #last: Chunk | undefined
  readonly #largestChunkBytes: number
  #nextChunkBytes: number

  /** The offset the next message gets. */
  end: number
  /** Bytes of frames not yet cut, the open one included. */
  stagedBytes = 0
  /** Bytes of all chunks. */
  memoryBytes = 0

  #cutOffset: number
  /** The open frame: its start in the last chunk (-1 if no frame is open), and its contents. */
  #frame = -1
  #position = 0
  #frameFirst = 0
  #frameTime = 0
  #newest = 0
  #previousTopic: string | undefined
  #previousTime = 0

  constructor(options: StagingAreaOptions) {
    this.#identity = options.identity
    this.#logId = logIdText(options.identity)
    this.#budget = options.budget
    this.#freeMemory = options.freeMemory
    this.#largestChunkBytes = Math.min(LARGEST_CHUNK_BYTES, options.maxChunkBytes)
    this.#nextChunkBytes = Math.min(SMALLEST_CHUNK_BYTES, this.#largestChunkBytes)
    this.end = options.end
    this.#cutOffset = options.end
  }

  /** Encodes the draft as the message at `end`. Returns the bytes it added. */
  append(draft: Draft): number {
    const time = draft.receivedAt > 0 ? Math.min(Math.floor(draft.receivedAt), MAX_TIME) : 0
    const needed = recordBytesAtMost(draft)
    let chunk = this.#last
    let added = 0
    if (chunk === undefined || !this.#fits(chunk, needed, time)) {
      chunk = this.#beginFrame(needed, time)
      added = FRAME_HEADER_BYTES
    }
    const from = this.#position
    const sinceMs = time - this.#previousTime
    const to = writeRecord(chunk.buffer, from, draft, this.#previousTopic, sinceMs)
    this.#position = to
    this.#previousTopic = draft.topic
    this.#previousTime = time
    if (time > this.#newest) this.#newest = time
    this.end++
    added += to - from
    this.stagedBytes += added
    return added
  }

  /** Takes everything staged as one group; messages appended later belong to the next group. */
  cut(): StagedGroup {
    this.#closeFrame()
    const parts: StagedPart[] = []
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index]
      if (chunk === undefined || (chunk.cut === chunk.filled && chunk !== this.#last)) break
      if (chunk.cut < chunk.filled) parts.unshift({ chunk, from: chunk.cut, to: chunk.filled })
      chunk.cutTo(chunk.filled)
    }
    const group = {
      parts,
      firstOffset: this.#cutOffset,
      endOffset: this.end,
      bytes: this.stagedBytes,
    }
    this.#cutOffset = this.end
    this.stagedBytes = 0
    return group
  }

  /** The group could not be written: later messages move down to its offsets. */
  collapse(group: StagedGroup): void {
    this.#closeFrame()
    const later = this.#stagedParts()
    for (const part of [...group.parts, ...later]) this.#cutBack(part)
    this.end = group.firstOffset
    this.#last = undefined
    const bytes = later.reduce((sum, part) => sum + part.to - part.from, 0)
    if (bytes > 0) this.#moveDown(later, bytes)
    this.#cutOffset = group.firstOffset
  }

  #moveDown(parts: readonly StagedPart[], bytes: number): void {
    const chunk = this.#addChunk(bytes)
    for (const { chunk: source, from, to } of parts) {
      const copied = source.buffer.copy(chunk.buffer, this.#position, from, to)
      const end = this.#position + copied
      while (this.#position < end) {
        moveFrame(chunk.buffer, this.#position, this.end)
        this.end += frameCountAt(chunk.buffer, this.#position)
        this.#position += frameBytesAt(chunk.buffer, this.#position)
      }
    }
    chunk.fillTo(this.#position, this.end)
  }

  #stagedParts(): StagedPart[] {
    return this.#chunks
      .filter((chunk) => chunk.cut < chunk.filled)
      .map((chunk) => ({ chunk, from: chunk.cut, to: chunk.filled }))
  }

  /** Removes the part and everything behind it from its chunk; removes an empty chunk. */
  #cutBack({ chunk, from }: StagedPart): void {
    if (from > chunk.filled) return
    let end = chunk.firstOffset
    for (let position = 0; position < from; position += frameBytesAt(chunk.buffer, position)) {
      end += frameCountAt(chunk.buffer, position)
    }
    chunk.fillTo(from, end)
    chunk.cutTo(from)
    const index = this.#chunks.indexOf(chunk)
    if (from === 0 && index >= 0) {
      this.#chunks.splice(index, 1)
      this.#give(chunk)
    }
  }

  /** The chunk that holds the message at `offset`; undefined if it must be read from disk. */
  find(offset: number): Chunk | undefined {
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index]
      if (chunk !== undefined && chunk.firstOffset <= offset) {
        return offset < chunk.endOffset ? chunk : undefined
      }
    }
    return undefined
  }

  /** Drops chunks that hold no message at or above `offset`. */
  dropBelow(offset: number): void {
    for (let first = this.#chunks[0]; first !== undefined; first = this.#chunks[0]) {
      if (first === this.#last || first.endOffset > offset) return
      this.#chunks.shift()
      this.#give(first)
    }
  }

  /** After a commit: keeps no more chunks than a reader at the head may need. */
  trim(committed: number): void {
    while (this.#chunks.length > KEPT_CHUNKS && this.dropOldest(committed) > 0);
  }

  /** Drops the oldest chunk if it holds no message at or above `committed`. Returns its bytes. */
  dropOldest(committed: number): number {
    const oldest = this.#chunks[0]
    if (oldest === undefined || oldest === this.#last || oldest.endOffset > committed) return 0
    this.#chunks.shift()
    return this.#give(oldest)
  }

  /** Releases all memory; nothing can be appended or read afterwards. */
  clear(): void {
    for (const chunk of this.#chunks.splice(0)) this.#give(chunk)
    this.#last = undefined
    this.#frame = -1
  }

  #give(chunk: Chunk): number {
    const bytes = chunk.buffer.length
    this.memoryBytes -= bytes
    this.#budget.give(bytes)
    return bytes
  }

  #fits(chunk: Chunk, needed: number, time: number): boolean {
    return (
      this.#frame >= 0 &&
      this.#position + needed <= chunk.buffer.length &&
      Math.abs(time - this.#previousTime) <= MAX_TIME_STEP_MS &&
      Math.abs(time - this.#frameTime) <= MAX_TIME_STEP_MS
    )
  }

  #beginFrame(needed: number, time: number): Chunk {
    this.#closeFrame()
    let chunk = this.#last
    const bytes = FRAME_HEADER_BYTES + needed
    if (chunk === undefined || this.#position + bytes > chunk.buffer.length) {
      chunk = this.#addChunk(bytes)
    }
    this.#frame = this.#position
    this.#position += FRAME_HEADER_BYTES
    this.#frameFirst = this.end
    this.#frameTime = time
    this.#newest = time
    this.#previousTime = time
    this.#previousTopic = undefined
    return chunk
  }

  #closeFrame(): void {
    const chunk = this.#last
    if (chunk === undefined || this.#frame < 0) return
    sealFrame(chunk.buffer, this.#frame, {
      identity: this.#identity,
      bodyBytes: this.#position - this.#frame - FRAME_HEADER_BYTES,
      count: this.end - this.#frameFirst,
      firstOffset: this.#frameFirst,
      firstReceivedAt: this.#frameTime,
      newestReceivedAt: this.#newest,
      isContinuation: this.#frameFirst > this.#cutOffset,
    })
    chunk.fillTo(this.#position, this.end)
    this.#frame = -1
  }

  #addChunk(atLeast: number): Chunk {
    const bytes = Math.max(this.#nextChunkBytes, atLeast)
    this.#nextChunkBytes = Math.min(this.#nextChunkBytes * 2, this.#largestChunkBytes)
    if (!this.#budget.fits(bytes)) this.#freeMemory(bytes)
    this.#budget.take(bytes)
    this.memoryBytes += bytes
    const chunk = new Chunk(this.#logId, Buffer.allocUnsafeSlow(bytes), this.end)
    this.#chunks.push(chunk)
    this.#last = chunk
    this.#position = 0
    return chunk
  }
}
