/**
 * A stretch of memory that holds whole frames, one after the other, with ascending offsets:
 * messages staged lately, or a window of a file. Handing out messages copies nothing.
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

/** A message's object, and the header of a frame that holds it alone. */
const MESSAGE_BYTES = 256
/**
 * What a batch may hold besides its payloads, and as many bytes again as it may have of them: ids,
 * topics, and a great number of small messages. Usual batches never reach it.
 */
const SPARE_BYTES = 1024 * 1024

/** The messages collected for one `read`, within its bounds. */
export class Batch {
  readonly messages: Message[] = []
  readonly maxCount: number
  readonly maxBytes: number
  #isFull: boolean
  #unreadable: OffsetRange | undefined
  #bytes = 0
  #heldBytes = 0
  readonly #maxHeldBytes: number

  constructor(maxCount: number, maxBytes: number) {
    this.maxCount = maxCount
    this.maxBytes = maxBytes
    this.#maxHeldBytes = 2 * maxBytes + SPARE_BYTES
    this.#isFull = maxCount < 1
  }

  get isFull(): boolean {
    return this.#isFull
  }

  /** Offsets in an intact frame whose records can't be parsed: a fault of the writer. */
  takeUnreadable(): OffsetRange | undefined {
    const unreadable = this.#unreadable
    this.#unreadable = undefined
    return unreadable
  }

  noteUnreadable(offsets: OffsetRange): void {
    this.#unreadable = offsets
  }

  /**
   * False when the message did not fit any more.
   * @param recordBytes that it has in its chunk, payload included
   */
  add(message: Message, recordBytes: number): boolean {
    const bytes = this.#bytes + payloadBytesOf(message)
    const heldBytes = this.#heldBytes + recordBytes + MESSAGE_BYTES
    const isTooMuch = bytes > this.maxBytes || heldBytes > this.#maxHeldBytes
    if (isTooMuch && this.messages.length > 0) {
      this.#isFull = true
      return false
    }
    this.#bytes = bytes
    this.#heldBytes = heldBytes
    this.messages.push(message)
    this.#isFull = this.messages.length >= this.maxCount
    return true
  }
}

export class Chunk {
  /** As `ChannelLog.id`. */
  readonly logId: string
  readonly buffer: Buffer
  readonly firstOffset: number
  #endOffset: number
  #filled = 0
  #cut = 0
  readonly #reader: RecordReader
  /** The reader's frame, and the offset it would read next: most reads continue there. */
  #frame = 0
  #frameEnd = -1
  #next = -1

  constructor(logId: string, buffer: Buffer, firstOffset: number) {
    this.logId = logId
    this.buffer = buffer
    this.firstOffset = firstOffset
    this.#endOffset = firstOffset
    this.#reader = new RecordReader(logId, buffer)
  }

  /** A chunk of whole frames that were read from a file. */
  static ofFrames(logId: string, frames: Buffer, firstOffset: number, endOffset: number): Chunk {
    const chunk = new Chunk(logId, frames, firstOffset)
    chunk.fillTo(frames.length, endOffset)
    return chunk
  }

  /** The offset after the last record of the whole frames. */
  get endOffset(): number {
    return this.#endOffset
  }

  /** Bytes of whole frames. */
  get filled(): number {
    return this.#filled
  }

  /** Bytes of frames that were handed to a commit. */
  get cut(): number {
    return this.#cut
  }

  /** Whole frames, up to the offset `endOffset`, fill the buffer up to `position`. */
  fillTo(position: number, endOffset: number): void {
    this.#filled = position
    this.#endOffset = endOffset
  }

  /** The frames up to `position` are handed to a commit. */
  cutTo(position: number): void {
    this.#cut = position
  }

  /** Bytes of memory that it keeps alive. */
  get heldBytes(): number {
    return this.buffer.buffer.byteLength
  }

  /** Adds messages from `from` on and below `before` to the batch, until it is full. */
  collect(from: number, before: number, batch: Batch): void {
    let at = from
    try {
      while (!batch.isFull && at < before) {
        if (at !== this.#next || at >= this.#frameEnd) {
          const found = this.#seek(at)
          if (found === undefined || found >= before) return
          at = found
        }
        const start = this.#reader.position
        const message = this.#reader.next(at)
        this.#next = at + 1
        if (batch.add(message, this.#reader.position - start)) at++
        else this.#next = -1
      }
    } catch (error) {
      if (!(error instanceof RecordError)) throw error
      this.#next = -1
      batch.noteUnreadable({ from: at, to: Math.min(this.#frameEnd, before) })
    }
  }

  /** The first offset from `from` on received at or after `time`; undefined if there is none. */
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
    const isAhead = this.#frame < this.#filled && offset >= frameFirstOffsetAt(buffer, this.#frame)
    let position = isAhead ? this.#frame : 0
    while (position < this.#filled) {
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
