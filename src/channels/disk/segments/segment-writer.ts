/**
 * Writes a log's frames to its segments once the journal needs their room: into the active segment,
 * or a fresh one where that is full, old or lost.
 *
 *              roll: size or age                        any failure
 *     active ───────────────────▶ sealed      active ───────────────▶ cut back to what is
 *       │                                                             durable, sealed, and
 *       └── next frames: a fresh segment, its base = their offset ◀── never written again
 *
 * What is written is durable after `sync`. Until then the journal has it as well, so nothing is lost
 * with a file that fails. After a failed `fdatasync` the kernel may call pages clean that never
 * reached the disk, so a file that failed once is not trusted with anything new.
 */
import type { Clock } from '../../../clock.ts'
import type { DiskSpace } from '../files/disk-space.ts'
import type { FileLayer, OpenFile } from '../files/file-layer.ts'
import { writeWholeFile } from '../files/small-file.ts'
import type { WriteFigures } from '../files/write-figures.ts'
import type { Chunk } from '../format/chunk.ts'
import {
  FRAME_HEADER_BYTES,
  frameBytesAt,
  frameFirstOffsetAt,
  frameNewestAt,
  type LogIdentity,
  openingFrame,
} from '../format/frame.ts'
import { SegmentIndex } from '../format/segment-index.ts'
import { Segment } from './segment.ts'
import type { LogSegments } from './segment-list.ts'

export interface SegmentWriterOptions {
  readonly files: FileLayer
  readonly directory: string
  readonly identity: LogIdentity
  readonly space: DiskSpace
  readonly clock: Clock
  readonly figures: WriteFigures
  readonly segmentBytes: number
  readonly segmentMaxAgeMs: number
}

export class SegmentWriter {
  readonly #options: SegmentWriterOptions
  readonly #segments: LogSegments
  #active: Segment | undefined
  #file: OpenFile | undefined
  /** What was written and is not durable yet: bytes, and the offset after it. */
  #unsyncedBytes = 0
  #unsyncedEnd = 0
  #isDirectoryMade = false
  /** A name in the directory is not durable yet. */
  #isNameNew = false

  constructor(options: SegmentWriterOptions, segments: LogSegments, isLastOpen: boolean) {
    this.#options = options
    this.#segments = segments
    this.#active = isLastOpen ? segments.list.at(-1) : undefined
  }

  /** Writes whole frames that follow what was written before. */
  async append(chunk: Chunk): Promise<void> {
    const { buffer, filled: bytes } = chunk
    if (this.#mustRoll(bytes)) {
      await this.sync()
      await this.#seal()
    }
    const segment = this.#active ?? (await this.#begin(chunk.firstOffset))
    const { space, figures } = this.#options
    const position = segment.bytes + this.#unsyncedBytes
    space.count(bytes)
    // Before anything is awaited: a segment that is being written is no history, whatever is released.
    segment.unsyncedBytes += bytes
    const file = this.#file ?? (await this.#open(segment))
    await file.write(buffer, 0, bytes, position)
    figures.bytesWritten += bytes
    noteFrames(segment, chunk, position)
    this.#unsyncedBytes += bytes
    this.#unsyncedEnd = chunk.endOffset
  }

  /** Makes durable what was written. */
  async sync(): Promise<void> {
    const { files, directory, figures } = this.#options
    if (this.#unsyncedBytes > 0) {
      figures.syncs++
      await this.#file?.sync()
    }
    if (this.#isNameNew) {
      figures.syncs++
      await files.syncDirectory(directory)
      this.#isNameNew = false
    }
    const segment = this.#active
    if (segment === undefined || this.#unsyncedBytes === 0) return
    segment.unsyncedBytes -= this.#unsyncedBytes
    segment.bytes += this.#unsyncedBytes
    segment.end = this.#unsyncedEnd
    this.#unsyncedBytes = 0
  }

  /** After a call that failed: lets go of the active file for good. What is durable stays. */
  async abandon(): Promise<void> {
    const segment = this.#active
    const file = this.#file
    this.#active = undefined
    this.#file = undefined
    this.#unsyncedBytes = 0
    this.#isDirectoryMade = false
    if (segment === undefined) return
    const { space } = this.#options
    segment.index = undefined
    if (this.#segments.list.includes(segment)) {
      try {
        await file?.truncate(segment.bytes)
        // Or power goes, and what was cut off is there again, beside what has taken its room.
        await file?.sync()
        space.giveBack(segment.unsyncedBytes)
      } catch {
        segment.ruinBytes = segment.unsyncedBytes
        // The next segment's base says where this one ends, whatever lies behind.
      }
      segment.unsyncedBytes = 0
    }
    await file?.close().catch(() => undefined)
    if (segment.end === segment.base)
      await this.#segments.removeLast(segment).catch(() => undefined)
  }

  /**
   * Begins an empty segment, whose name says how far the log goes: for earlier versions of this
   * format, which know a log by its segments alone.
   */
  async markEnd(end: number): Promise<void> {
    await this.#begin(end)
    await this.#file?.sync()
    await this.sync()
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  #mustRoll(bytes: number): boolean {
    const segment = this.#active
    if (segment === undefined) return false
    const { segmentBytes, segmentMaxAgeMs, clock } = this.#options
    if (!this.#segments.list.includes(segment) || this.#segments.isHistory(segment)) return true
    if (segment.end === segment.base && this.#unsyncedBytes === 0) return false
    const held = segment.bytes + this.#unsyncedBytes
    return held + bytes > segmentBytes || clock.now() - segment.writtenAt >= segmentMaxAgeMs
  }

  async #begin(base: number): Promise<Segment> {
    const { files, directory, identity, clock, space } = this.#options
    if (!this.#isDirectoryMade) await files.makeDirectory(directory)
    this.#isDirectoryMade = true
    const segment = new Segment(directory, base, base, FRAME_HEADER_BYTES, clock.now())
    segment.index = new SegmentIndex()
    const opening = openingFrame(identity, base, segment.writtenAt)
    // A file of that name is left over from a write that failed: the journal has what is in it.
    await this.#segments.takeBack(segment)
    const file = await files.open(segment.logPath, 'replace')
    this.#isNameNew = true
    this.#segments.add(segment)
    space.count(segment.heldBytes)
    this.#active = segment
    this.#file = file
    await file.write(opening, 0, opening.length, 0)
    return segment
  }

  async #open(segment: Segment): Promise<OpenFile> {
    this.#file = await this.#options.files.open(segment.logPath, 'edit')
    this.#isDirectoryMade = true
    return this.#file
  }

  /** Nothing is written to the active segment any more. */
  async #seal(): Promise<void> {
    const segment = this.#active
    const file = this.#file
    this.#active = undefined
    this.#file = undefined
    await file?.close().catch(() => undefined)
    if (segment !== undefined && this.#segments.list.includes(segment))
      await this.#writeIndex(segment)
  }

  /** Without an index the segment is walked when it is first read: no room, or a failure, costs only that. */
  async #writeIndex(segment: Segment): Promise<void> {
    const { files, space } = this.#options
    const bytes = segment.index?.encode(segment.bytes, segment.end)
    if (bytes === undefined || space.bytes + bytes.length > space.maxBytes) return
    space.count(bytes.length)
    segment.indexBytes = bytes.length
    try {
      await writeWholeFile(files, segment.indexPath, bytes)
    } catch {
      // Its room is given back with the segment's: until then the name may come back with the power.
      await files.remove(segment.indexPath).catch(() => undefined)
    }
  }
}

function noteFrames(segment: Segment, { buffer, filled }: Chunk, position: number): void {
  for (let at = 0; at < filled; at += frameBytesAt(buffer, at)) {
    const first = frameFirstOffsetAt(buffer, at)
    segment.index?.add(first, position + at, frameNewestAt(buffer, at))
  }
}
