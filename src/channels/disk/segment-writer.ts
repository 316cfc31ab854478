/**
 * Writes the active segment of a log: which file the next group goes to, when one is sealed, and
 * what happens when the disk refuses.
 *
 *              roll: size or age                        any failure
 *     active ───────────────────▶ sealed      active ───────────────▶ cut back to what is
 *       │                                                             durable, sealed, and
 *       └── next commit: a fresh segment, its base = committed ◀───── never written again
 *
 * After a failed `fdatasync` the kernel may call pages clean that never reached the disk, so a
 * file that failed once is not trusted with anything new, whatever the failure was.
 */
import type { Clock } from '../../clock.ts'
import type { DiskSpace } from './disk-space.ts'
import type { FileLayer, OpenFile } from './file-layer.ts'
import {
  FRAME_HEADER_BYTES,
  frameBytesAt,
  frameFirstOffsetAt,
  frameNewestAt,
  type LogIdentity,
  openingFrame,
} from './frame.ts'
import type { LogDirectory } from './log-directory.ts'
import { Segment } from './segment.ts'
import { SegmentIndex } from './segment-index.ts'
import type { StagedGroup } from './staging-area.ts'
import { writeWholeFile } from './whole-file.ts'
import type { WriteFigures } from './write-figures.ts'

export interface SegmentWriterOptions {
  readonly files: FileLayer
  readonly directory: string
  readonly identity: LogIdentity
  readonly space: DiskSpace
  readonly clock: Clock
  readonly figures: WriteFigures
  readonly segmentBytes: number
  readonly segmentMaxAgeMs: number
  /** Lets go of history so that so many bytes fit; false when there is too little. */
  readonly makeRoom: (bytes: number) => boolean
}

export class SegmentWriter {
  readonly #options: SegmentWriterOptions
  readonly #directory: LogDirectory
  /** All segments of the log, oldest first; the writer adds, the log removes. */
  readonly #segments: Segment[]
  #active: Segment | undefined
  #file: OpenFile | undefined
  #isSealWanted = false
  /** Whether the disk was asked for something since the last success. */
  #isTouched = false

  constructor(
    options: SegmentWriterOptions,
    directory: LogDirectory,
    segments: Segment[],
    isLastOpen: boolean,
  ) {
    this.#options = options
    this.#directory = directory
    this.#segments = segments
    this.#active = isLastOpen ? segments.at(-1) : undefined
  }

  /** The next write begins a fresh segment, whatever the active one's size. */
  sealNext(): void {
    this.#isSealWanted = true
  }

  /** Makes the group durable, in a fresh segment where the active one is full, old or lost. */
  async write(group: StagedGroup): Promise<void> {
    if (this.#isFull(group.bytes)) await this.seal()
    const segment = this.#active ?? (await this.#create(group.firstOffset, group.bytes))
    const file = this.#file ?? (await this.#reopen(segment))
    const { space, makeRoom, figures } = this.#options
    await space.claim(group.bytes, makeRoom)
    segment.ruinBytes += group.bytes
    this.#isTouched = true
    let position = segment.bytes
    for (const { chunk, from, to } of group.parts) {
      await file.write(chunk.buffer, from, to, position)
      position += to - from
    }
    figures.bytesWritten += group.bytes
    figures.syncs++
    await file.sync()
    await this.#directory.sync()
    noteFrames(segment, group)
    segment.ruinBytes -= group.bytes
    segment.bytes += group.bytes
    segment.end = group.endOffset
    this.#isTouched = false
  }

  /**
   * Proves that a group at `base` can be made durable: zeros go where it would, are synced and cut
   * off again. `bytes` of them, or as many as fit the bound of all files. Whatever becomes active by
   * it says by its name where the segment before it ends.
   */
  async probe(base: number, bytes: number): Promise<void> {
    const segment = this.#active ?? (await this.#create(base, bytes))
    const file = this.#file ?? (await this.#reopen(segment))
    const { space, figures } = this.#options
    const zeros = Buffer.alloc(Math.max(0, Math.min(bytes, space.maxBytes - space.bytes)))
    space.count(zeros.length)
    segment.ruinBytes += zeros.length
    figures.bytesWritten += zeros.length
    figures.syncs += 2
    this.#isTouched = true
    await file.write(zeros, 0, zeros.length, segment.bytes)
    await file.sync()
    await file.truncate(segment.bytes)
    await file.sync()
    await this.#directory.sync()
    segment.ruinBytes -= zeros.length
    space.giveBack(zeros.length)
    this.#isTouched = false
  }

  /**
   * After `write` or `probe` has failed: lets go of the active file for good, unless it failed before it
   * asked anything of the disk. What is durable stays.
   */
  async abandon(): Promise<void> {
    this.#directory.doubt()
    if (!this.#isTouched) return
    this.#isTouched = false
    const segment = this.#active
    const file = this.#file
    this.#active = undefined
    this.#file = undefined
    if (segment === undefined) return
    const { files, space } = this.#options
    try {
      await (file ?? (await files.open(segment.logPath, 'edit'))).truncate(segment.bytes)
      space.giveBack(segment.ruinBytes)
      segment.ruinBytes = 0
    } catch {
      // The next segment's base says where this one ends, whatever lies behind.
    }
    await file?.close().catch(() => undefined)
    if (segment.end !== segment.base) {
      await this.#writeIndex(segment)
      return
    }
    space.giveBack(segment.indexBytes)
    segment.indexBytes = 0
    if (this.#isDispensable(segment)) await this.#forget(segment).catch(() => undefined)
  }

  /**
   * Whether a segment without records can go. Its name says where the log goes on, perhaps it alone, so
   * it stays, unless what was not cut off would be taken for stored, and the one before says the same.
   */
  #isDispensable(segment: Segment): boolean {
    const before = this.#segments[this.#segments.indexOf(segment) - 1]
    return segment.ruinBytes > 0 && before?.ruinBytes === 0
  }

  /** Seals the active segment: nothing is written to it any more. */
  async seal(): Promise<void> {
    const segment = this.#active
    const file = this.#file
    this.#active = undefined
    this.#file = undefined
    await file?.close().catch(() => undefined)
    if (segment !== undefined) await this.#writeIndex(segment)
  }

  /**
   * Begins a fresh segment at `base`, durable at once, in place of all there are, which the caller
   * removes then. Claims nothing: `freshSegmentBytes` are counted by the caller.
   */
  async renew(base: number): Promise<void> {
    await this.close()
    this.#active = undefined
    const segment = this.#plan(base, this.#options.segmentBytes)
    await this.#begin(segment)
    try {
      await this.#file?.sync()
      await this.#directory.sync()
    } catch (error) {
      // The old ones stay as well, and so does this one, where it can't be removed.
      this.#options.space.count(segment.heldBytes)
      await this.#forget(segment).catch(() => undefined)
      throw error
    }
  }

  /** Takes a segment without records away again. */
  async #forget(segment: Segment): Promise<void> {
    this.#active = undefined
    await this.close().catch(() => undefined)
    await this.#options.files.remove(segment.logPath)
    this.#drop(segment)
  }

  #drop(segment: Segment): void {
    this.#segments.splice(this.#segments.indexOf(segment), 1)
    this.#options.space.giveBack(segment.heldBytes)
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  #isFull(bytes: number): boolean {
    const segment = this.#active
    if (segment === undefined || segment.end === segment.base) return false
    const { segmentBytes, segmentMaxAgeMs, clock } = this.#options
    return (
      this.#isSealWanted ||
      segment.bytes + bytes > segmentBytes ||
      clock.now() - segment.writtenAt >= segmentMaxAgeMs
    )
  }

  async #create(base: number, groupBytes: number): Promise<Segment> {
    const { space, segmentBytes, makeRoom } = this.#options
    await this.#directory.make()
    const segment = this.#plan(base, Math.max(segmentBytes, groupBytes))
    const bytes = FRAME_HEADER_BYTES + segment.indexBytes
    await space.claim(bytes, makeRoom)
    try {
      return await this.#begin(segment)
    } catch (error) {
      space.giveBack(bytes)
      throw error
    }
  }

  #plan(base: number, segmentBytes: number): Segment {
    const { directory, clock } = this.#options
    const segment = new Segment(directory, base, base, FRAME_HEADER_BYTES, clock.now())
    segment.indexBytes = SegmentIndex.bytesAtMost(segmentBytes)
    segment.index = new SegmentIndex()
    return segment
  }

  async #begin(segment: Segment): Promise<Segment> {
    const { files, identity } = this.#options
    this.#isTouched = true
    const opening = openingFrame(identity, segment.base, segment.writtenAt)
    const last = this.#segments.at(-1)
    const failed = last?.base === segment.base ? last : undefined
    // A file of that name is left over from a failed commit: nothing in it is committed, but the name is needed.
    const file = await files.open(segment.logPath, 'replace')
    try {
      await file.write(opening, 0, opening.length, 0)
    } catch (error) {
      await file.close().catch(() => undefined)
      if (failed === undefined) await files.remove(segment.logPath).catch(() => undefined)
      throw error
    }
    this.#directory.touch()
    this.#isSealWanted = false
    if (failed !== undefined) this.#drop(failed)
    this.#segments.push(segment)
    this.#active = segment
    this.#file = file
    return segment
  }

  async #reopen(segment: Segment): Promise<OpenFile> {
    this.#directory.trust()
    this.#file = await this.#options.files.open(segment.logPath, 'edit')
    return this.#file
  }

  /** Without an index the segment is walked when it is first read: a failure here costs only that. */
  async #writeIndex(segment: Segment): Promise<void> {
    const { files, space } = this.#options
    const bytes = segment.index?.encode(segment.bytes, segment.end)
    if (bytes === undefined) return
    try {
      await writeWholeFile(files, segment.indexPath, bytes)
      space.giveBack(segment.indexBytes - bytes.length)
      segment.indexBytes = bytes.length
    } catch {
      await files.remove(segment.indexPath).catch(() => undefined)
    }
  }
}

function noteFrames(segment: Segment, group: StagedGroup): void {
  let position = segment.bytes
  for (const { chunk, from, to } of group.parts) {
    for (let at = from; at < to; at += frameBytesAt(chunk.buffer, at)) {
      const first = frameFirstOffsetAt(chunk.buffer, at)
      segment.index?.add(first, position + at - from, frameNewestAt(chunk.buffer, at))
    }
    position += to - from
  }
}
