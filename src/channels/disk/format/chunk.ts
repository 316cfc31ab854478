/**
 * A stretch of memory that holds whole frames, one after the other, offsets ascending: what was
 * staged lately, or a window of a file. Handing out messages copies nothing.
 */
import { type Message, payloadBytesOf } from '../../../message.ts'
import type { OffsetRange } from '../../log/channel-log.ts'
import {
  FRAME_HEADER_BYTES,
  frameBytesAt,
  frameCountAt,
  frameFirstOffsetAt,
  frameTimeAt,
} from './frame.ts'
import { RecordError, RecordReader } from './record.ts'

/** Messages being gathered for one `read`, and the bounds they must keep. */
export class Batch {
  readonly messages: Message[] = []
  readonly maxCount: number
  readonly maxBytes: number
  isFull = false
  /** Offsets in an intact frame whose records can't be understood: a fault of the writer. */
  unreadable: OffsetRange | undefined
  #bytes = 0

  constructor(maxCount: number, maxBytes: number) {
    this.maxCount = maxCount
    this.maxBytes = maxBytes
    this.isFull = maxCount < 1
  }

  /** False when the message did not fit any more. */
  add(message: Message): boolean {
    const bytes = this.#bytes + payloadBytesOf(message)
    if (bytes > this.maxBytes && this.messages.length > 0) {
      this.isFull = true
      return false
    }
    this.#bytes = bytes
    this.messages.push(message)
    this.isFull = this.messages.length >= this.maxCount
    return true
  }
}

export class Chunk {
  readonly buffer: Buffer
  readonly firstOffset: number
  /** The offset after the last record of the whole frames. */
  endOffset: number
  /** Bytes of whole frames. */
  filled: number
  /** Bytes of frames that were handed to a commit. */
  cut = 0
  readonly #reader: RecordReader
  /** The frame the reader is in, and the offset it would read next: readers mostly go on. */
  #frame = 0
  #frameEnd = -1
  #next = -1

  constructor(logId: string, buffer: Buffer, firstOffset: number) {
    this.buffer = buffer
    this.firstOffset = firstOffset
    this.endOffset = firstOffset
    this.filled = 0
    this.#reader = new RecordReader(logId, buffer)
  }

  /** Memory that is kept alive by it. */
  get heldBytes(): number {
    return this.buffer.buffer.byteLength
  }

  /** Adds the messages from `from` on and below `before` to the batch until it is full. */
  collect(from: number, before: number, batch: Batch): void {
    let at = from
    try {
      while (!batch.isFull && at < before) {
        if (at !== this.#next || at >= this.#frameEnd) {
          const found = this.#seek(at)
          if (found === undefined || found >= before) return
          at = found
        }
        const message = this.#reader.next(at)
        this.#next = at + 1
        if (batch.add(message)) at++
        else this.#next = -1
      }
    } catch (error) {
      if (!(error instanceof RecordError)) throw error
      this.#next = -1
      batch.unreadable = { from: at, to: Math.min(this.#frameEnd, before) }
    }
  }

  /** The first offset at or after `from` received at or after `time`; undefined when none. */
  offsetAt(from: number, time: number): number | undefined {
    try {
      return this.#offsetAt(from, time)
    } catch (error) {
      if (error instanceof RecordError) return undefined
      throw error
    }
  }

  #offsetAt(from: number, time: number): number | undefined {
    let at = this.#seek(from)
    while (at !== undefined) {
      for (; at < this.#frameEnd; at++) {
        this.#reader.skip()
        if (this.#reader.receivedAt >= time) {
          this.#next = -1
          return at
        }
      }
      at = this.#seek(at)
    }
    return undefined
  }

  /** Puts the reader on the first record at or after `offset` and returns which one that is. */
  #seek(offset: number): number | undefined {
    this.#next = -1
    const { buffer } = this
    const isAhead = this.#frame < this.filled && offset >= frameFirstOffsetAt(buffer, this.#frame)
    let position = isAhead ? this.#frame : 0
    while (position < this.filled) {
      const first = frameFirstOffsetAt(buffer, position)
      const end = first + frameCountAt(buffer, position)
      const bytes = frameBytesAt(buffer, position)
      if (end > offset) {
        const body = position + FRAME_HEADER_BYTES
        this.#reader.at(buffer, body, position + bytes, frameTimeAt(buffer, position))
        this.#frame = position
        this.#frameEnd = end
        for (let skipped = first; skipped < offset; skipped++) this.#reader.skip()
        return Math.max(first, offset)
      }
      position += bytes
    }
    return undefined
  }
}
