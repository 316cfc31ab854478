/**
 * Reads windows of a log's segments, whole frames with their checksums looked at, and never more
 * than a bounded number of bytes. Calls come one after the other (`SerialQueue`).
 */

import type { FileLayer, OpenFile } from '../files/file-layer.ts'
import { MAX_KEPT_BYTES } from '../files/quarantine.ts'
import { readWholeFile } from '../files/small-file.ts'
import { Chunk } from '../format/chunk.ts'
import { type Damage, explainDamage } from '../format/damage.ts'
import {
  FRAME_HEADER_BYTES,
  type FrameHeader,
  isBodyIntact,
  type LogIdentity,
  logIdText,
  readHeader,
} from '../format/frame.ts'
import { FileView, type WalkEnd } from '../format/frame-walk.ts'
import type { DamageWindow, Window } from '../format/read-window.ts'
import { SegmentIndex } from '../format/segment-index.ts'
import type { Segment } from './segment.ts'
import { surveySegment } from './segment-scan.ts'

export class SegmentReader {
  readonly #files: FileLayer
  readonly #identity: LogIdentity
  #segment: Segment | undefined
  #file: OpenFile | undefined
  /** Where the frame after the last window begins: readers mostly go on. */
  #hintOffset = -1
  #hintPosition = 0

  constructor(files: FileLayer, identity: LogIdentity) {
    this.#files = files
    this.#identity = identity
  }

  /**
   * Frames from the one that holds `offset`, or the next after it, on. A lenient look takes pages
   * that can't be read for damage.
   */
  async window(segment: Segment, offset: number, isLenient: boolean): Promise<Window> {
    const view = new FileView(await this.#open(segment), segment.bytes, isLenient)
    let position =
      offset === this.#hintOffset ? this.#hintPosition : (await this.index(segment)).locate(offset)
    while (position < segment.bytes) {
      const header = await this.#header(view, position)
      if (header === undefined) {
        const found = await this.#damage(segment, view, { position, header }, offset)
        if (found.to > offset) return found
        position = found.damage.end
      } else if (header.firstOffset + header.count > offset) {
        return this.#frames(segment, view, { position, header }, offset)
      } else {
        position += FRAME_HEADER_BYTES + header.bodyBytes
      }
    }
    return { kind: 'end' }
  }

  /** The segment's index, read or made anew when it is not in memory. */
  async index(segment: Segment): Promise<SegmentIndex> {
    if (segment.index !== undefined) return segment.index
    const bytes = await readWholeFile(this.#files, segment.indexPath).catch(() => undefined)
    const index =
      (bytes && SegmentIndex.decode(bytes, segment.bytes)) ?? (await this.#rebuild(segment))
    segment.index = index
    return index
  }

  /** Lets go of the file if it is this segment's: before that is removed. */
  async forget(segment: Segment): Promise<void> {
    if (this.#segment === segment) await this.close()
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#segment = undefined
    this.#file = undefined
    this.#hintOffset = -1
    await file?.close()
  }

  async #open(segment: Segment): Promise<OpenFile> {
    if (this.#segment === segment && this.#file !== undefined) return this.#file
    await this.close()
    this.#file = await this.#files.open(segment.logPath, 'read')
    this.#segment = segment
    return this.#file
  }

  async #header(view: FileView, position: number): Promise<FrameHeader | undefined> {
    if (!(await view.load(position, FRAME_HEADER_BYTES))) return undefined
    return readHeader(view.buffer, view.indexOf(position), this.#identity)
  }

  /** The whole, intact frames that begin where `start` says and fit into one window. */
  async #frames(
    segment: Segment,
    view: FileView,
    start: WalkEnd & { readonly header: FrameHeader },
    offset: number,
  ): Promise<Window> {
    if (start.header.firstOffset >= segment.end) return { kind: 'end' }
    const isWhole = await view.load(start.position, FRAME_HEADER_BYTES + start.header.bodyBytes)
    if (!isWhole || !isBodyIntact(view.buffer, view.indexOf(start.position), start.header)) {
      return this.#damage(segment, view, start, offset)
    }
    let { position } = start
    let header: FrameHeader | undefined = start.header
    let end = offset
    while (header !== undefined && this.#isGood(segment, view, position, header)) {
      end = header.firstOffset + header.count
      position += FRAME_HEADER_BYTES + header.bodyBytes
      header = view.has(position, FRAME_HEADER_BYTES)
        ? readHeader(view.buffer, view.indexOf(position), this.#identity)
        : undefined
    }
    this.#hintOffset = end
    this.#hintPosition = position
    const bytes = view.buffer.subarray(view.indexOf(start.position), view.indexOf(position))
    const chunk = new Chunk(logIdText(this.#identity), bytes, start.header.firstOffset)
    chunk.filled = bytes.length
    chunk.endOffset = end
    return { kind: 'chunk', chunk }
  }

  #isGood(segment: Segment, view: FileView, position: number, header: FrameHeader): boolean {
    return (
      header.firstOffset < segment.end &&
      view.has(position, FRAME_HEADER_BYTES + header.bodyBytes) &&
      isBodyIntact(view.buffer, view.indexOf(position), header)
    )
  }

  async #damage(
    segment: Segment,
    view: FileView,
    stop: WalkEnd,
    offset: number,
  ): Promise<DamageWindow> {
    const damage = await explainDamage(view, this.#identity, stop)
    const to = Math.min(await this.#nextOffset(view, damage, segment.end), segment.end)
    const from = Math.min(stop.header?.firstOffset ?? offset, offset)
    return { kind: 'damage', damage, content: await readDamaged(view, damage), from, to }
  }

  /** The first offset behind damage. What follows a frame of known length may be damaged too. */
  async #nextOffset(view: FileView, damage: Damage, last: number): Promise<number> {
    const { header, position, end } = damage
    if (header !== undefined && position + FRAME_HEADER_BYTES + header.bodyBytes === end) {
      return header.firstOffset + header.count
    }
    const next = end < view.fileBytes ? await this.#header(view, end) : undefined
    return next?.firstOffset ?? last
  }

  async #rebuild(segment: Segment): Promise<SegmentIndex> {
    const view = new FileView(await this.#open(segment), segment.bytes, true)
    const bounds = { base: segment.base, limit: Number.POSITIVE_INFINITY }
    return (await surveySegment(view, this.#identity, bounds)).index
  }
}

/** A copy of the damaged bytes, as many as are worth keeping. */
export async function readDamaged(view: FileView, damage: Damage): Promise<Buffer> {
  const bytes = Math.min(damage.end - damage.position, MAX_KEPT_BYTES)
  if (!(await view.load(damage.position, bytes))) return Buffer.alloc(0)
  const start = view.indexOf(damage.position)
  return Buffer.from(view.buffer.subarray(start, start + bytes))
}
