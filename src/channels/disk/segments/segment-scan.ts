/**
 * A walk through a whole segment: what can be read, what is damaged, where it stops. Recovery does
 * it with the newest segment, a reader to make a lost index anew, the doctor with all of them.
 */
import type { OffsetRange } from '../../log/channel-log.ts'
import { OffsetRanges } from '../../log/offset-ranges.ts'
import { type Damage, explainDamage } from '../format/damage.ts'
import type { FrameHeader, LogIdentity } from '../format/frame.ts'
import { type FileView, walkFrames } from '../format/frame-walk.ts'
import { SegmentIndex } from '../format/segment-index.ts'

export interface SegmentSurvey {
  readonly index: SegmentIndex
  /** Messages that can be read. */
  readonly messages: number
  /** `receivedAt` of the first of them; undefined when there is none. */
  readonly oldestAt: number | undefined
  /** The offset after the last one, damaged ones with a known number included. */
  readonly end: number
  /** Offsets that should be there and can't be read. */
  readonly missing: Iterable<OffsetRange>
  readonly damages: readonly Damage[]
  /** The remains of a write that never finished, if the file ends with them. */
  readonly torn: Damage | undefined
  /** Where frames of a failed commit begin, that belong behind the segment's end. */
  readonly residueAt: number | undefined
}

export interface SegmentBounds {
  readonly base: number
  /** The next segment's base; `Infinity` for the newest. */
  readonly limit: number
  /** Messages below are known to have been committed: what should hold them and does not is damaged. */
  readonly known?: number
  /**
   * Messages from here on are in the journal as well: where they do not check, the segment was being
   * written, and ends. Default: none.
   */
  readonly journaledFrom?: number
}

export async function surveySegment(
  view: FileView,
  identity: LogIdentity | undefined,
  { base, limit, known = 0, journaledFrom = Number.POSITIVE_INFINITY }: SegmentBounds,
): Promise<SegmentSurvey> {
  const finishedTo = limit === Number.POSITIVE_INFINITY ? known : limit
  const segment = { identity, base, limit, finishedTo, journaledFrom }
  const whole = await survey(view, { ...segment, until: view.fileBytes })
  if (whole.torn === undefined) return whole
  const finished = await survey(view, { ...segment, until: whole.torn.position })
  return { ...finished, torn: { ...whole.torn, end: view.fileBytes } }
}

interface Survey {
  readonly identity: LogIdentity | undefined
  readonly base: number
  readonly limit: number
  /** No write of messages below was left unfinished. */
  readonly finishedTo: number
  readonly journaledFrom: number
  /** A position where walking stops, or the file's end. */
  readonly until: number
}

/**
 * Only a frame that begins a commit proves that the one before it was finished: `torn` is the first
 * place with none behind it that looks as if it had never been.
 */
async function survey(
  view: FileView,
  { identity, base, limit, finishedTo, journaledFrom, until }: Survey,
): Promise<SegmentSurvey> {
  const index = new SegmentIndex()
  const missing = new OffsetRanges()
  const damages: Damage[] = []
  let messages = 0
  let oldestAt: number | undefined
  let end = base
  let torn: Damage | undefined
  let residueAt: number | undefined
  const onFrame = (header: FrameHeader, at: number) => {
    if (!header.isContinuation) torn = undefined
    if (header.count === 0) return
    if (header.firstOffset >= limit) {
      residueAt ??= at
      return
    }
    missing.add(end, header.firstOffset)
    end = Math.max(end, header.firstOffset + header.count)
    messages += header.count
    oldestAt ??= header.firstReceivedAt
    index.note(header, at)
  }
  const found = () => ({ index, messages, oldestAt, end, missing, damages, torn, residueAt })
  for (let position = 0; position < until; ) {
    const stop = await walkFrames(view, identity, position, onFrame)
    if (stop.position >= until) break
    // Everything that belongs to the segment is there: what follows is left of a write that was given up.
    if (end >= limit) {
      residueAt ??= stop.position
      break
    }
    if (end >= journaledFrom) {
      const { position, header } = stop
      return { ...found(), torn: { position, end: view.fileBytes, header, isTorn: true } }
    }
    const damage = await explainDamage(view, identity, stop)
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
