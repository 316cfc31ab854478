/** Goes through the frames of a file, and finds the next frame behind damage. */

import { systemCodeOf } from '../../../errors.ts'
import type { OpenFile } from '../files/file-layer.ts'
import {
  FRAME_HEADER_BYTES,
  type FrameHeader,
  IDENTITY_AT,
  identityBytes,
  isBodyIntact,
  type LogIdentity,
  readHeader,
} from './frame.ts'

const VIEW_BYTES = 256 * 1024
const PAGE_BYTES = 4096
/** Replaces bytes that can't be read. Zero would look like a write that never finished. */
const UNREADABLE = 0xff

/**
 * A movable window on a file, so that no file is ever in memory as a whole. A lenient view replaces
 * pages that the medium can't read, as long as it can read some, so that a bad sector is damage
 * like any other and does not end the walk.
 */
export class FileView {
  readonly fileBytes: number
  readonly #file: OpenFile
  readonly #isLenient: boolean
  readonly #viewBytes: number
  buffer = Buffer.alloc(0)
  #start = 0
  #end = 0

  /** @param viewBytes how much is read at once: less for a reader that wants the beginning only */
  constructor(file: OpenFile, fileBytes: number, isLenient: boolean, viewBytes = VIEW_BYTES) {
    this.#file = file
    this.fileBytes = fileBytes
    this.#isLenient = isLenient
    this.#viewBytes = viewBytes
  }

  /** Whether `[position, position + bytes)` of the file is in the buffer. */
  has(position: number, bytes: number): boolean {
    return position >= this.#start && position + bytes <= this.#end
  }

  /** The index in the buffer of the file's `position`. */
  indexOf(position: number): number {
    return position - this.#start
  }

  /** Bytes in the buffer from `position` on. */
  available(position: number): number {
    return this.#end - position
  }

  /** Loads the range into the buffer. False if the file ends before it. */
  async load(position: number, bytes: number): Promise<boolean> {
    if (this.has(position, bytes)) return true
    if (position + bytes > this.fileBytes) return false
    const size = Math.min(Math.max(this.#viewBytes, bytes), this.fileBytes - position)
    if (this.buffer.length < size) this.buffer = Buffer.allocUnsafeSlow(size)
    this.#start = position
    this.#end = position
    this.#end = position + (await this.#read(size, position))
    return this.has(position, bytes)
  }

  async #read(size: number, position: number): Promise<number> {
    try {
      return await this.#file.read(this.buffer, size, position)
    } catch (error) {
      if (!this.#isLenient || systemCodeOf(error) !== 'EIO') throw error
      return this.#readPages(size, position, error)
    }
  }

  async #readPages(size: number, position: number, error: unknown): Promise<number> {
    let readable = 0
    for (let at = 0; at < size; ) {
      const end = Math.min(size, at + PAGE_BYTES - ((position + at) % PAGE_BYTES))
      const page = this.buffer.subarray(at, end)
      try {
        readable += await this.#file.read(page, page.length, position + at)
      } catch {
        page.fill(UNREADABLE)
      }
      at = end
    }
    if (readable === 0) throw error
    return size
  }
}

/** Where a walk ended: at the file's end, or where there is no intact frame. */
export interface WalkEnd {
  readonly position: number
  /** The header of the frame there, if at least that is intact. */
  readonly header: FrameHeader | undefined
}

/** Reports the intact frames from `from` on, up to the first place that has none. */
export async function walkFrames(
  view: FileView,
  identity: LogIdentity | undefined,
  from: number,
  onFrame: (header: FrameHeader, position: number) => void,
): Promise<WalkEnd> {
  let position = from
  for (;;) {
    if (!view.has(position, FRAME_HEADER_BYTES)) {
      if (!(await view.load(position, FRAME_HEADER_BYTES))) return { position, header: undefined }
    }
    const header = readHeader(view.buffer, view.indexOf(position), identity)
    if (header === undefined) return { position, header }
    const bytes = FRAME_HEADER_BYTES + header.bodyBytes
    if (!view.has(position, bytes)) {
      if (!(await view.load(position, bytes))) return { position, header }
    }
    if (!isBodyIntact(view.buffer, view.indexOf(position), header)) return { position, header }
    onFrame(header, position)
    position += bytes
  }
}

/**
 * The next position at or after `from` with an intact header of this log, and of messages from
 * `minOffset` on; undefined if there is none. The search goes through payloads. The log's key, which
 * nobody outside knows, keeps it from taking a payload for a frame; the offset keeps it from taking
 * a copy of an older frame for one.
 */
export async function findFrame(
  view: FileView,
  identity: LogIdentity,
  from: number,
  minOffset: number,
): Promise<number | undefined> {
  const needle = identityBytes(identity)
  let position = from
  while (await view.load(position, FRAME_HEADER_BYTES)) {
    const start = view.indexOf(position)
    const window = view.buffer.subarray(start, start + view.available(position))
    const last = window.length - FRAME_HEADER_BYTES
    for (let at = 0; at <= last; at++) {
      const found = window.indexOf(needle, at + IDENTITY_AT)
      if (found < 0) break
      at = found - IDENTITY_AT
      const header = at > last ? undefined : readHeader(window, at, identity)
      if (header !== undefined && header.firstOffset >= minOffset) return position + at
    }
    // A header may lie across the border of two windows.
    position += last + 1
  }
  return undefined
}
