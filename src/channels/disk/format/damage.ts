/**
 * Explains a place in a segment that has no intact frame: damage with intact frames behind it, a
 * tail that was never finished, or an end that was finished and then damaged.
 */
import {
  FRAME_HEADER_BYTES,
  type FrameHeader,
  type LogIdentity,
  UNKNOWN_IDENTITY,
} from './frame.ts'
import { type FileView, findFrame, type WalkEnd } from './frame-walk.ts'

const SECTOR_BYTES = 512

/** An explained place that has no intact frame. */
export interface Damage {
  readonly position: number
  /** Where the damage ends: at an intact header, or at the file's end. */
  readonly end: number
  /** The damaged frame's own header, if that is intact. */
  readonly header: FrameHeader | undefined
  /**
   * True if these may be the remains of a write that never finished and was not acknowledged. They
   * are, unless something behind them proves that the write did finish.
   */
  readonly isTorn: boolean
}

/**
 * Explains the place where a walk stopped before the file's end. All messages behind it have offsets
 * from `minOffset` on.
 */
export async function explainDamage(
  view: FileView,
  identity: LogIdentity,
  stop: WalkEnd,
  minOffset: number,
): Promise<Damage> {
  const { position, header } = stop
  if (identity === UNKNOWN_IDENTITY) return unidentified(view, position)
  const frameEnd =
    header === undefined
      ? Number.POSITIVE_INFINITY
      : position + FRAME_HEADER_BYTES + header.bodyBytes
  const end =
    frameEnd <= view.fileBytes ? frameEnd : await findFrame(view, identity, position + 1, minOffset)
  if (end !== undefined && end < view.fileBytes) {
    return { position, end, header, isTorn: await hasUnwrittenSector(view, position, end) }
  }
  const isTorn =
    (header !== undefined && frameEnd > view.fileBytes) ||
    view.fileBytes - position < FRAME_HEADER_BYTES ||
    (await hasUnwrittenSector(view, position, view.fileBytes))
  return { position, end: view.fileBytes, header, isTorn }
}

/**
 * All bytes of a log whose identity is lost. They may be a whole file of messages, so they count as
 * unfinished only if nothing was ever written, or no message fits.
 */
async function unidentified(view: FileView, position: number): Promise<Damage> {
  const end = view.fileBytes
  const isShort = end - position <= 2 * FRAME_HEADER_BYTES
  const isTorn = isShort || (await isBlank(view, position))
  return { position, end, header: undefined, isTorn }
}

async function isBlank(view: FileView, from: number): Promise<boolean> {
  for (let position = from; position < view.fileBytes; position += SECTOR_BYTES) {
    const bytes = Math.min(SECTOR_BYTES, view.fileBytes - position)
    if (await view.load(position, bytes)) {
      const start = view.indexOf(position)
      if (view.buffer.subarray(start, start + bytes).some((byte) => byte !== 0)) return false
    }
  }
  return true
}

/**
 * A sector that never reached the disk reads as zeros in a file that only grows. A frame that was
 * written contains such a sector only if a payload does, and then its checksum matches.
 */
async function hasUnwrittenSector(view: FileView, from: number, to: number): Promise<boolean> {
  let position = from
  while (position < to) {
    const end = Math.min(position + SECTOR_BYTES - (position % SECTOR_BYTES), to)
    if (!(await view.load(position, end - position))) return true
    const start = view.indexOf(position)
    if (view.buffer.subarray(start, start + end - position).every((byte) => byte === 0)) return true
    position = end
  }
  return false
}
