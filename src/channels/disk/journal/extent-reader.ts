/**
 * Reads windows of the frames that the journal holds of one log: whole frames whose checksums were
 * verified, and never more than a bounded number of bytes. Frames of other logs lie in between, so
 * the frames of a window are moved together.
 */

import { MAX_KEPT_BYTES } from '../files/quarantine.ts'
import { Chunk } from '../format/chunk.ts'
import {
  FRAME_HEADER_BYTES,
  isBodyIntact,
  type LogIdentity,
  logIdText,
  readHeader,
} from '../format/frame.ts'
import { FileView } from '../format/frame-walk.ts'
import type { Window } from '../format/read-window.ts'
import { type Extent, FrameTable } from './extents.ts'
import type { Slot } from './slot.ts'
import { walkSlot } from './slot-walk.ts'

const WINDOW_BYTES = 256 * 1024
/** Fewer calls for frames that are moved, as they are not kept in memory. */
const MOVED_WINDOW_BYTES = 1024 * 1024
/** Reading over other logs' frames up to this gap costs less than another call. */
const LARGEST_GAP_BYTES = 64 * 1024

/** Memory for windows that are read one after the other. Each overwrites the one before. */
export class WindowRoom {
  #buffer = Buffer.alloc(0)

  take(bytes: number): Buffer {
    if (this.#buffer.length < bytes) {
      const pieces = Math.ceil(bytes / LARGEST_GAP_BYTES)
      this.#buffer = Buffer.allocUnsafeSlow(pieces * LARGEST_GAP_BYTES)
    }
    return this.#buffer.subarray(0, bytes)
  }
}

/**
 * Frames from the one that holds `offset` on; `end` if the slot was reused. A lenient read treats
 * pages that can't be read as damage, unless it can read none.
 * @param room for frames that are moved and then not needed any more. Default: memory of their own
 * @throws a system error when the slot can't be read
 */
export async function readExtent(
  extent: Extent,
  offset: number,
  identity: LogIdentity,
  isLenient = false,
  room?: WindowRoom,
): Promise<Window> {
  const { slot, generation } = extent
  const { file } = slot
  const frames = extent.frames ?? (await readTable(extent, identity))
  if (file === undefined || slot.generation !== generation) return { kind: 'end' }
  if (frames.count === 0) return { kind: 'end' }
  extent.keepTable(frames)
  const first = frames.indexOf(offset)
  const { last, start, buffer } = placeFor(frames, first, room)
  const view = new FileView(file, slot.bytes, isLenient)
  const read = isLenient
    ? await readLeniently(view, buffer, start)
    : await file.read(buffer, buffer.length, start)
  if (slot.generation !== generation) return { kind: 'end' }
  let filled = 0
  for (let index = first; index <= last; index++) {
    const from = frames.position(index) - start
    const bytes = frames.bytes(index)
    if (from + bytes > read || !isFrame(buffer, from, bytes, frames.firstOffset(index), identity)) {
      if (index === first)
        return damaged(extent, frames, index, buffer.subarray(from, from + bytes))
      return chunkOf(buffer, filled, frames.firstOffset(first), frames.firstOffset(index), identity)
    }
    if (from !== filled) buffer.copyWithin(filled, from, from + bytes)
    filled += bytes
  }
  const end = Math.min(frames.firstOffset(last + 1), extent.endOffset)
  return chunkOf(buffer, filled, frames.firstOffset(first), end, identity)
}

/** What a window from the frame `first` on has, and the memory for it. */
function placeFor(frames: FrameTable, first: number, room: WindowRoom | undefined) {
  const start = frames.position(first)
  const last = lastOfWindow(frames, first, room === undefined ? WINDOW_BYTES : MOVED_WINDOW_BYTES)
  const length = frames.position(last) + frames.bytes(last) - start
  return { last, start, buffer: room?.take(length) ?? Buffer.allocUnsafeSlow(length) }
}

async function readLeniently(view: FileView, into: Buffer, position: number): Promise<number> {
  if (!(await view.load(position, into.length))) return 0
  const start = view.indexOf(position)
  return view.buffer.copy(into, 0, start, start + into.length)
}

function lastOfWindow(frames: FrameTable, first: number, windowBytes: number): number {
  const start = frames.position(first)
  let last = first
  while (last + 1 < frames.count) {
    const gap = frames.position(last + 1) - frames.position(last) - frames.bytes(last)
    const end = frames.position(last + 1) + frames.bytes(last + 1)
    if (gap > LARGEST_GAP_BYTES || end - start > windowBytes) return last
    last++
  }
  return last
}

function isFrame(
  buffer: Buffer,
  at: number,
  bytes: number,
  firstOffset: number,
  identity: LogIdentity,
): boolean {
  const header = readHeader(buffer, at, identity)
  return (
    header !== undefined &&
    header.firstOffset === firstOffset &&
    header.bodyBytes === bytes - FRAME_HEADER_BYTES &&
    isBodyIntact(buffer, at, header)
  )
}

function chunkOf(
  buffer: Buffer,
  filled: number,
  firstOffset: number,
  endOffset: number,
  identity: LogIdentity,
): Window {
  const frames = buffer.subarray(0, filled)
  const chunk = Chunk.ofFrames(logIdText(identity), frames, firstOffset, endOffset)
  return { kind: 'chunk', chunk }
}

function damaged(extent: Extent, frames: FrameTable, index: number, content: Buffer): Window {
  const from = frames.firstOffset(index)
  const to = Math.min(frames.firstOffset(index + 1), extent.endOffset)
  const position = frames.position(index)
  return {
    kind: 'damage',
    damage: { position, end: position + frames.bytes(index), header: undefined, isTorn: false },
    content: Buffer.from(content.subarray(0, MAX_KEPT_BYTES)),
    from,
    to,
  }
}

/** Finds the log's frames in a slot that is kept for replay only. */
async function readTable(extent: Extent, identity: LogIdentity): Promise<FrameTable> {
  const table = new FrameTable()
  const { slot, firstOffset, endOffset } = extent
  if (slot.file === undefined) return table
  await walkSlot(new FileView(slot.file, slot.bytes, true), useOf(slot), {
    onFrame: (header, position, bytes) => {
      const { id, key } = header.identity
      const isOurs = id === identity.id && key === identity.key
      if (!isOurs || header.firstOffset < firstOffset || header.firstOffset >= endOffset) return
      table.add(header.firstOffset, position, bytes)
    },
    onEntry() {},
    onDamage() {},
  })
  return table
}

function useOf(slot: Slot) {
  const { key, generation, firstSequence, endSequence } = slot
  // 0 for the newest slot that was found when opening: its end is not known.
  return { key, generation, firstSequence, endSequence: endSequence || undefined }
}
