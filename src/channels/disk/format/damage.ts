/**
 * What lies behind a place in a segment where no good frame is: damage with more to come, a tail
 * that was never finished, or an end that was finished and then damaged.
 */
import { FRAME_HEADER_BYTES, type FrameHeader, type LogIdentity } from './frame.ts'
import { type FileView, findFrame, type WalkEnd } from './frame-walk.ts'

const SECTOR_BYTES = 512

/** A place that is not a good frame, explained. */
export interface Damage {
  readonly position: number
  /** Up to here; a good header, or the file's end, follows. */
  readonly end: number
  /** The damaged frame's own header, when that was good. */
  readonly header: FrameHeader | undefined
  /**
   * True when these may be the remains of a write that never finished, of which nobody was promised
   * anything: they are, unless what lies behind proves that it did.
   */
  readonly isTorn: boolean
}

/** Explains the place where a walk stopped before the file's end. */
export async function explainDamage(
  view: FileView,
  identity: LogIdentity | undefined,
  stop: WalkEnd,
): Promise<Damage> {
  const { position, header } = stop
  const frameEnd =
    header === undefined
      ? Number.POSITIVE_INFINITY
      : position + FRAME_HEADER_BYTES + header.bodyBytes
  const end = frameEnd <= view.fileBytes ? frameEnd : await findFrame(view, identity, position + 1)
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
 * A sector that never reached the disk reads as zeros in a file that only grows. Written frames
 * hold no such stretch but by intent, and then their checksum is right.
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
