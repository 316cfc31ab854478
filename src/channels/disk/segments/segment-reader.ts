/**
 * Reads windows of a log's segments: whole frames whose checksums were verified, and never more
 * than a bounded number of bytes. Calls must not overlap.
 */

import type { FileLayer, OpenFile } from '../files/file-layer.ts'
import { MAX_KEPT_BYTES } from '../files/quarantine.ts'
import { readSmallFile } from '../files/small-file.ts'
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
import { maxIndexBytes, SegmentIndex } from '../format/segment-index.ts'
import type { Segment } from './segment.ts'
import { scanSegment } from './segment-scan.ts'

interface Place extends WalkEnd {
  /** The messages from the position on have offsets from here on. */
  readonly reached: number
}

export class SegmentReader {
  readonly #files: FileLayer
  readonly #identity: LogIdentity
  #segment: Segment | undefined
  #file: OpenFile | undefined
  /** Where the frame after the last window begins: readers mostly continue there. */
  #hintOffset = -1
  #hintPosition = 0

  constructor(files: FileLayer, identity: LogIdentity) {
    this.#files = files
    this.#identity = identity
  }

  /**
   * Frames from the one that holds `offset` on, or from the next one after it. A lenient read
   * treats pages that can't be read as damage.
   */
  async window(segment: Segment, offset: number, isLenient: boolean): Promise<Window> {
    const view = new FileView(await this.#open(segment), segment.bytes, isLenient)
    const isHinted = offset === this.#hintOffset
    let position = isHinted ? this.#hintPosition : await this.#locate(segment, view, offset)
    /** All frames from `position` on hold messages from here on. */
    let reached = isHinted ? offset : (segment.index?.located(offset) ?? segment.base)
    while (position < segment.bytes) {
      const header = await this.#header(view, position)
      if (header === undefined) {
        const found = await this.#damage(segment, view, { position, header, reached }, offset)
        if (found.to > offset) return found
        position = found.damage.end
      } else if (header.firstOffset + header.count > offset) {
        reached = header.firstOffset
        return this.#frames(segment, view, { position, header, reached }, offset)
      } else {
        reached = header.firstOffset + header.count
        position += FRAME_HEADER_BYTES + header.bodyBytes
      }
    }
    return { kind: 'end' }
  }

  /** The segment's index, read from its file or rebuilt if it is not in memory. */
  async index(segment: Segment): Promise<SegmentIndex> {
    if (segment.index !== undefined) return segment.index
    const maxBytes = maxIndexBytes(segment.bytes)
    const bytes = await readSmallFile(this.#files, segment.indexPath, maxBytes).catch(
      () => undefined,
    )
    const index =
      (bytes && SegmentIndex.decode(bytes, segment.bytes)) ?? (await this.#rebuild(segment))
    segment.keepIndex(index)
    return index
  }

  /**
   * The position of a frame at or before the one that holds `offset`. If the index of the file does
   * not lead to such a frame, the index is wrong, or the frame is damaged: a scan tells.
   */
  async #locate(segment: Segment, view: FileView, offset: number): Promise<number> {
    const index = await this.index(segment)
    const position = index.locate(offset)
    const first = index.located(offset)
    if (!index.isFromFile || first === undefined) return position
    if ((await this.#header(view, position))?.firstOffset === first) return position
    const rebuilt = await this.#rebuild(segment)
    segment.keepIndex(rebuilt)
    return rebuilt.locate(offset)
  }

  /** Closes the file if it is this segment's, which is about to be removed. */
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
    start: Place & { readonly header: FrameHeader },
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
    const logId = logIdText(this.#identity)
    const chunk = Chunk.ofFrames(logId, bytes, start.header.firstOffset, end)
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
    stop: Place,
    offset: number,
  ): Promise<DamageWindow> {
    const damage = await explainDamage(view, this.#identity, stop, stop.reached)
    const to = Math.min(await this.#nextOffset(view, damage, segment.end), segment.end)
    const from = Math.min(stop.header?.firstOffset ?? offset, offset)
    return { kind: 'damage', damage, content: await readDamaged(view, damage), from, to }
  }

  /** The first offset behind damage; `last` if the bytes behind it are damaged too. */
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
    return (await scanSegment(view, this.#identity, bounds)).index
  }
}

/** A copy of the damaged bytes, for the quarantine: `MAX_KEPT_BYTES` at most. */
export async function readDamaged(view: FileView, damage: Damage): Promise<Buffer> {
  const bytes = Math.min(damage.end - damage.position, MAX_KEPT_BYTES)
  if (!(await view.load(damage.position, bytes))) return Buffer.alloc(0)
  const start = view.indexOf(damage.position)
  return Buffer.from(view.buffer.subarray(start, start + bytes))
}
