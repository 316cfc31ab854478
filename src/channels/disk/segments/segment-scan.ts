/**
 * Scans a whole segment: which messages can be read, which bytes are damaged, where it ends.
 * Recovery scans the newest segment, a reader one that has lost its index, the doctor all of them.
 */
import type { OffsetRange } from '../../log/channel-log.ts'
import { OffsetRanges } from '../../log/offset-ranges.ts'
import { type Damage, explainDamage } from '../format/damage.ts'
import type { FrameHeader, LogIdentity } from '../format/frame.ts'
import { type FileView, walkFrames } from '../format/frame-walk.ts'
import { SegmentIndex } from '../format/segment-index.ts'

export interface SegmentScan {
  readonly index: SegmentIndex
  /** Messages that can be read. */
  readonly messages: number
  /** `receivedAt` of the first of them; undefined when there is none. */
  readonly oldestAt: number | undefined
  /** The offset after the last message; damaged ones count where their number is known. */
  readonly end: number
  /** Offsets that should be there and can't be read. */
  readonly missing: Iterable<OffsetRange>
  readonly damages: readonly Damage[]
  /** The remains of a write that never finished, if the file ends with them. */
  readonly torn: Damage | undefined
  /** Where frames of a failed commit begin: they lie behind the segment's end. */
  readonly failedCommitAt: number | undefined
}

export interface ScanBounds {
  readonly base: number
  /** The next segment's base; `Infinity` for the newest. */
  readonly limit: number
  /** Messages below are known to have been committed: frames with them must be intact. */
  readonly known?: number
  /**
   * Messages from here on are in the journal as well. Where their checksums do not match, the
   * segment was being written, and ends. Default: none.
   */
  readonly journaledFrom?: number
}

export async function scanSegment(
  view: FileView,
  identity: LogIdentity,
  { base, limit, known = 0, journaledFrom = Number.POSITIVE_INFINITY }: ScanBounds,
): Promise<SegmentScan> {
  const finishedTo = limit === Number.POSITIVE_INFINITY ? known : limit
  const segment = { identity, base, limit, finishedTo, journaledFrom }
  const whole = await scan(view, { ...segment, until: view.fileBytes })
  if (whole.torn === undefined) return whole
  const finished = await scan(view, { ...segment, until: whole.torn.position })
  return { ...finished, torn: { ...whole.torn, end: view.fileBytes } }
}

interface Scan {
  readonly identity: LogIdentity
  readonly base: number
  readonly limit: number
  /** All writes of messages below were finished. */
  readonly finishedTo: number
  readonly journaledFrom: number
  /** The position where the scan stops: the file's end at the latest. */
  readonly until: number
}

/**
 * Only a frame that begins a commit proves that the commit before it was finished. `torn` is the
 * first place that looks like an unfinished write and has no such frame behind it.
 */
async function scan(
  view: FileView,
  { identity, base, limit, finishedTo, journaledFrom, until }: Scan,
): Promise<SegmentScan> {
  const index = new SegmentIndex()
  const missing = new OffsetRanges()
  const damages: Damage[] = []
  let messages = 0
  let oldestAt: number | undefined
  let end = base
  let torn: Damage | undefined
  let failedCommitAt: number | undefined
  const onFrame = (header: FrameHeader, at: number) => {
    if (!header.isContinuation) torn = undefined
    if (header.count === 0) return
    if (header.firstOffset >= limit) {
      failedCommitAt ??= at
      return
    }
    missing.add(end, header.firstOffset)
    end = Math.max(end, header.firstOffset + header.count)
    messages += header.count
    oldestAt ??= header.firstReceivedAt
    index.note(header, at)
  }
  const found = () => ({ index, messages, oldestAt, end, missing, damages, torn, failedCommitAt })
  for (let position = 0; position < until; ) {
    const stop = await walkFrames(view, identity, position, onFrame)
    if (stop.position >= until) break
    // All of the segment's messages are there: the rest was left by a write that was given up.
    if (end >= limit) {
      failedCommitAt ??= stop.position
      break
    }
    if (end >= journaledFrom) {
      const { position, header } = stop
      return { ...found(), torn: { position, end: view.fileBytes, header, isTorn: true } }
    }
    const damage = await explainDamage(view, identity, stop, end)
    if (damage.isTorn && end >= finishedTo) torn ??= damage
    damages.push(damage)
    const known = damage.header === undefined ? end : endOf(damage.header)
    missing.add(end, Math.min(known, limit))
    end = Math.max(end, Math.min(known, limit))
    position = damage.end
  }
  if (limit < Number.POSITIVE_INFINITY) {
    missing.add(end, limit)
    end = limit
  }
  return found()
}

function endOf(header: FrameHeader): number {
  return header.firstOffset + header.count
}
