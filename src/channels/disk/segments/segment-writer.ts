/**
 * Writes a log's frames to its segments once the journal needs their room: to the active segment,
 * or to a fresh one if that is full, old or lost.
 *
 *              roll: size or age                        any failure
 *     active ───────────────────▶ sealed      active ───────────────▶ cut back to what is
 *       │                                                             durable, sealed, and
 *       └── next frames: a fresh segment, its base = their offset ◀── never written again
 *
 * Frames are durable after `sync`. Until then the journal has them as well, so a file that fails
 * loses nothing. After a failed `fdatasync` the kernel may call pages clean that never reached the
 * disk, so nothing new is written to a file that failed once.
 */
import type { Clock } from '../../../clock.ts'
import type { DiskSpace, WriteFigures } from '../files/disk-space.ts'
import type { FileLayer, OpenFile } from '../files/file-layer.ts'
import { writeSmallFile } from '../files/small-file.ts'
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
import type { SegmentList } from './segment-list.ts'

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
  readonly #segments: SegmentList
  #active: Segment | undefined
  #file: OpenFile | undefined
  /** The bytes that were written and are not durable yet, and the offset after them. */
  #unsyncedBytes = 0
  #unsyncedEnd = 0
  #isDirectoryMade = false
  /** The directory has a new name that is not durable yet. */
  #isNameNew = false

  constructor(options: SegmentWriterOptions, segments: SegmentList, isLastOpen: boolean) {
    this.#options = options
    this.#segments = segments
    this.#active = isLastOpen ? segments.last : undefined
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
    // Before anything is awaited: a segment with a write under way must not become history.
    segment.beginWrite(bytes)
    const file = this.#file ?? (await this.#open(segment))
    await file.write(buffer, 0, bytes, position)
    figures.countWrite(bytes)
    noteFrames(segment, chunk, position)
    this.#unsyncedBytes += bytes
    this.#unsyncedEnd = chunk.endOffset
  }

  /** Makes everything written durable. */
  async sync(): Promise<void> {
    const { files, directory, figures } = this.#options
    if (this.#unsyncedBytes > 0) {
      figures.countSync()
      await this.#file?.sync()
    }
    if (this.#isNameNew) {
      figures.countSync()
      await files.syncDirectory(directory)
      this.#isNameNew = false
    }
    const segment = this.#active
    if (segment === undefined || this.#unsyncedBytes === 0) return
    segment.synced(this.#unsyncedBytes, this.#unsyncedEnd)
    this.#unsyncedBytes = 0
  }

  /** After a call that failed: gives up the active file for good. Durable messages stay in it. */
  async abandon(): Promise<void> {
    const segment = this.#active
    const file = this.#file
    this.#active = undefined
    this.#file = undefined
    this.#unsyncedBytes = 0
    this.#isDirectoryMade = false
    if (segment === undefined) return
    const { space } = this.#options
    segment.keepIndex(undefined)
    if (this.#segments.has(segment)) {
      try {
        await file?.truncate(segment.bytes)
        // Without a sync, the bytes could be there again after a loss of power, beside the bytes
        // that have taken their room.
        await file?.sync()
        space.release(segment.cutBack())
      } catch {
        // The next segment's base says where this one ends, whatever lies behind it.
        segment.leaveUncut()
      }
    }
    await file?.close().catch(() => undefined)
    if (segment.isEmpty) await this.#segments.removeLast(segment).catch(() => undefined)
  }

  /**
   * Begins an empty segment, whose name says how far the log goes. Earlier versions of this format
   * know a log by its segments alone.
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
    if (!this.#segments.has(segment) || this.#segments.isHistory(segment)) return true
    if (segment.isEmpty && this.#unsyncedBytes === 0) return false
    const held = segment.bytes + this.#unsyncedBytes
    return held + bytes > segmentBytes || clock.now() - segment.writtenAt >= segmentMaxAgeMs
  }

  async #begin(base: number): Promise<Segment> {
    const { files, directory, identity, clock, space } = this.#options
    if (!this.#isDirectoryMade) await files.makeDirectory(directory)
    this.#isDirectoryMade = true
    const segment = new Segment(directory, base, {
      end: base,
      bytes: FRAME_HEADER_BYTES,
      writtenAt: clock.now(),
    })
    segment.keepIndex(new SegmentIndex())
    const opening = openingFrame(identity, base, segment.writtenAt)
    // A file of that name may be left from a write that failed: the journal has what is in it.
    await this.#segments.keepFileOf(segment)
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

  /** Closes the active segment: nothing more is written to it. */
  async #seal(): Promise<void> {
    const segment = this.#active
    const file = this.#file
    this.#active = undefined
    this.#file = undefined
    await file?.close().catch(() => undefined)
    if (segment !== undefined && this.#segments.has(segment)) await this.#writeIndex(segment)
  }

  /**
   * If there is no room for the index, or writing it fails, the segment is scanned when it is first
   * read.
   */
  async #writeIndex(segment: Segment): Promise<void> {
    const { files, space } = this.#options
    const bytes = segment.index?.encode(segment.bytes, segment.end)
    if (bytes === undefined || space.bytes + bytes.length > space.maxBytes) return
    space.count(bytes.length)
    segment.addIndexFile(bytes.length)
    try {
      await writeSmallFile(files, segment.indexPath, bytes)
    } catch {
      // Its room is released with the segment's: until then a loss of power may bring the name
      // back.
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
