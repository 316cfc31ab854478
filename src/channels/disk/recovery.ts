/**
 * What is known of a log when a directory is taken into use: its segments, and behind them what the
 * journal holds. Of the segments only the newest is walked; the sealed ones are known by their names
 * and lengths, and looked at when they are read.
 *
 *     newest segment        nothing wrong          goes on being written
 *                           does not check, and    cut off there: it was being settled, and the
 *                           the journal has it     journal has the whole of it
 *                           torn tail              cut off and reported; nobody was promised it
 *                           damage                 set aside, its offsets skipped, sealed
 *                           no frame at all        torn: removed; otherwise set aside and sealed
 *     behind it             a gap that nobody      was delivered and not kept: so what lies before it
 *     to the journal        needs                  goes as well
 *                           any other gap          damage
 *     something knows       of higher offsets      promised: what is left of the tail is damage then,
 *                                                  and what nothing is left of is reported, skipped
 */

import { join } from 'node:path'
import type { CutTail, PipelineObserver } from '../../observer.ts'
import type { ChannelState, OffsetRange } from '../log/channel-log.ts'
import { OffsetRanges } from '../log/offset-ranges.ts'
import type { DirectoryEntry, FileLayer, OpenFile } from './files/file-layer.ts'
import type { Quarantine } from './files/quarantine.ts'
import type { Damage } from './format/damage.ts'
import type { LogIdentity } from './format/frame.ts'
import { FileView } from './format/frame-walk.ts'
import {
  decodeState,
  highestOffset,
  readStateFile,
  STATE_NAME,
  STATE_TEMPORARY_NAME,
  type StoredState,
} from './format/state-file.ts'
import { type FoundLog, identityText } from './journal/journal-reading.ts'
import type { LogEntry } from './journal/log-entry.ts'
import type { PlacedFrame } from './journal/slot.ts'
import { baseOfLogName, type Segment } from './segments/segment.ts'
import { findIdentity, isIndexName, orphanIndexes, segmentsOf } from './segments/segment-listing.ts'
import { readDamaged } from './segments/segment-reader.ts'
import { type SegmentSurvey, surveySegment } from './segments/segment-scan.ts'

/** A log as found on disk. */
export interface Recovered {
  /** Undefined when nothing says. */
  readonly identity: LogIdentity | undefined
  readonly segments: Segment[]
  /** Whether the last segment may be written on. */
  readonly isLastOpen: boolean
  /** In the journal, ascending. */
  readonly frames: readonly PlacedFrame[]
  /** The offset the next message gets. */
  readonly end: number
  readonly released: number
  readonly damaged: Iterable<OffsetRange>
  readonly state: ChannelState | undefined
  readonly stateBytes: number
  /** Bytes of files that are not ours and are left alone. */
  readonly foreignBytes: number
}

export interface RecoveryOptions {
  readonly files: FileLayer
  readonly directory: string
  readonly channel: string
  readonly quarantine: Quarantine
  readonly observer: PipelineObserver
  /** What the journal has of the logs that it knows. */
  readonly journal: ReadonlyMap<string, FoundLog>
  /** The same for this channel, by its name. */
  readonly journaled: FoundLog | undefined
  /** The journal's entries are older than the files beside the segments, which are complete. */
  readonly isJournalStale: boolean
  /** False for a log that is in the journal alone. */
  readonly hasDirectory: boolean
}

/** What is known of a log before its newest segment is walked. */
interface Known {
  readonly identity: LogIdentity | undefined
  /** Every offset below was committed. */
  readonly known: number
  /** Messages from here on are in the journal as well. */
  readonly journaledFrom: number
}

interface Tail {
  readonly isOpen: boolean
  readonly end: number
  readonly damaged: Iterable<OffsetRange>
}

/** What journal and state file say about a log before its segments are looked at. */
interface Told {
  readonly identity: LogIdentity | undefined
  readonly state: ChannelState | undefined
  readonly stateBytes: number
  readonly released: number
  /** Every offset below was committed. */
  readonly known: number
  readonly frames: PlacedFrame[]
}

/** @throws a system error when the directory can't be read or written */
export async function recoverLog(options: RecoveryOptions): Promise<Recovered> {
  const { files, directory } = options
  const entries = (await files.list(directory)).filter((entry) => !entry.isDirectory)
  await files.remove(join(directory, STATE_TEMPORARY_NAME))
  const segments = segmentsOf(directory, entries)
  const orphans = orphanIndexes(entries, segments)
  for (const name of orphans) await files.remove(join(directory, name))
  const count = segments.length
  const told = await gather(options, segments)
  const { identity, known, released, frames } = told
  const journaledFrom = journaledSince(options.journaled, frames, { released, known })
  const tail = await recoverTail(options, segments, { identity, known, journaledFrom })
  const joined = await joinJournal(options, { segments, frames, tail, released })
  // What a process that was killed had written, made and removed may still be on its way to the disk.
  const isChanged = orphans.length > 0 || segments.length < count
  if (isChanged || (options.hasDirectory && !options.isJournalStale)) {
    await files.syncDirectory(directory)
  }
  const lostFrom = Math.max(joined.end, released)
  const lost = known > lostFrom ? [{ from: lostFrom, to: known }] : []
  for (const offsets of [...joined.missing, ...lost]) await reportLost(options, offsets)
  const end = Math.max(joined.end, known)
  return {
    ...told,
    segments,
    isLastOpen: tail.isOpen && segments.length > 0,
    end,
    released: Math.min(released, end),
    damaged: new OffsetRanges([...tail.damaged, ...joined.missing, ...lost]),
    foreignBytes: foreignBytes(entries),
  }
}

async function gather(options: RecoveryOptions, segments: readonly Segment[]): Promise<Told> {
  const { files, journal, journaled, isJournalStale } = options
  const { state: stored, bytes: stateBytes } = await recoverState(options)
  const identity = journaled?.identity ?? stored?.log ?? (await findIdentity(files, segments))
  const inJournal = journaled ?? (identity && journal.get(identityText(identity)))
  const entry = isJournalStale ? undefined : inJournal?.entry
  const frames = inOrder(inJournal?.frames ?? [])
  const seen = inJournal?.seenEnd ?? 0
  if (entry === undefined || isNewer(stored, entry)) {
    const released = stored?.log?.released ?? 0
    const known = Math.max(seen, stored === undefined ? 0 : highestOffset(stored))
    return { identity, state: stateOf(stored), stateBytes, released, known, frames }
  }
  const { state, released, end } = entry
  const known = Math.max(seen, end, state === undefined ? 0 : highestOffset(state))
  return { identity, state, stateBytes, released, known, frames }
}

/** The state file is newer when what the journal had written since the last clean stop is gone. */
function isNewer(stored: StoredState | undefined, entry: LogEntry): boolean {
  const log = stored?.log
  return log !== undefined && (log.end > entry.end || log.released > entry.released)
}

/** From which message on what does not check in the segments is no damage. */
export function journaledSince(
  journaled: FoundLog | undefined,
  frames: readonly PlacedFrame[],
  { released, known }: { readonly released: number; readonly known: number },
): number {
  const inJournal = lastRun(frames)
  // Where nothing in the segments is needed any more, what does not check is a settling that was given up.
  const isAllReleased = journaled?.entry !== undefined && released >= (inJournal ?? known)
  return isAllReleased && released > 0 ? 0 : (inJournal ?? Number.POSITIVE_INFINITY)
}

/** Where the last run of frames without a gap begins; what lies before a gap is in segments alone. */
function lastRun(frames: readonly PlacedFrame[]): number | undefined {
  let first: number | undefined
  let end: number | undefined
  for (const { firstOffset, endOffset } of frames) {
    if (firstOffset !== end) first = firstOffset
    end = endOffset
  }
  return first
}

/** A frame that was written again, after a commit whose first try failed, counts once. */
function inOrder(frames: readonly PlacedFrame[]): PlacedFrame[] {
  const ordered: PlacedFrame[] = []
  let end = 0
  for (const frame of [...frames].sort((a, b) => a.firstOffset - b.firstOffset)) {
    if (ordered.length > 0 && frame.firstOffset < end) continue
    ordered.push(frame)
    end = frame.endOffset
  }
  return ordered
}

interface Joined {
  readonly end: number
  readonly missing: readonly OffsetRange[]
}

/** How far segments and journal go together, and what is missing between and in them. */
async function joinJournal(
  { files }: RecoveryOptions,
  found: {
    readonly segments: Segment[]
    readonly frames: PlacedFrame[]
    readonly tail: Tail
    readonly released: number
  },
): Promise<Joined> {
  const { segments, frames, tail, released } = found
  let { end } = tail
  const missing: OffsetRange[] = []
  const all = [...frames]
  for (const [index, { firstOffset, endOffset }] of all.entries()) {
    if (firstOffset > end && firstOffset > released) {
      missing.push({ from: Math.max(end, released), to: firstOffset })
    } else if (firstOffset > end) {
      await removeAll(files, segments)
      frames.splice(0, frames.length, ...all.slice(index))
    }
    end = Math.max(end, endOffset)
  }
  return { end, missing }
}

async function removeAll(files: FileLayer, segments: Segment[]): Promise<void> {
  for (const segment of segments.splice(0)) {
    await files.remove(segment.logPath)
    await files.remove(segment.indexPath)
  }
}

function stateOf(stored: StoredState | undefined): ChannelState | undefined {
  if (stored === undefined || stored.log?.hasState === false) return undefined
  const { log: _, ...state } = stored
  return state
}

function foreignBytes(entries: readonly DirectoryEntry[]): number {
  return entries
    .filter(({ name }) => baseOfLogName(name) === undefined && !isIndexName(name))
    .filter(({ name }) => name !== STATE_NAME && name !== STATE_TEMPORARY_NAME)
    .reduce((sum, entry) => sum + entry.bytes, 0)
}

async function recoverTail(
  options: RecoveryOptions,
  segments: Segment[],
  known: Known,
): Promise<Tail> {
  const last = segments.at(-1)
  if (last === undefined) return { isOpen: false, end: 0, damaged: [] }
  const file = await options.files.open(last.logPath, 'edit')
  try {
    const tail = await walkTail(options, last, file, known)
    last.end = tail.end
    if (last.bytes > 0) return tail
  } finally {
    await file.close()
  }
  // Its creation was never finished; the name alone says where the log goes on.
  await options.files.remove(last.logPath)
  await options.files.remove(last.indexPath)
  segments.pop()
  return { isOpen: false, end: last.base, damaged: [] }
}

async function walkTail(
  options: RecoveryOptions,
  segment: Segment,
  file: OpenFile,
  { identity, known, journaledFrom }: Known,
): Promise<Tail> {
  const view = new FileView(file, segment.bytes, true)
  const bounds = { base: segment.base, limit: Number.POSITIVE_INFINITY, known, journaledFrom }
  const survey = await surveySegment(view, identity, bounds)
  for (const damage of survey.damages) await setAside(options, segment, view, damage)
  if (survey.torn !== undefined) {
    if (survey.end < journaledFrom) {
      options.observer.tailCut(options.channel, cutTail(survey.torn, survey))
    }
    await file.truncate(survey.torn.position)
    segment.bytes = survey.torn.position
  }
  segment.index = survey.index
  // What was read may still be on its way to the disk, and is about to be called settled.
  await file.sync()
  return { isOpen: survey.damages.length === 0, end: survey.end, damaged: survey.missing }
}

function cutTail({ position, end, header }: Damage, { index, messages }: SegmentSurvey): CutTail {
  return {
    bytes: end - position,
    messages: header?.count,
    lastMessageAt: messages === 0 ? undefined : index.newest,
  }
}

/** Also where nothing is left of it that could be set aside. */
async function reportLost({ channel, quarantine }: RecoveryOptions, offsets: OffsetRange) {
  const what = `${offsets.to - offsets.from} messages that were stored are missing.`
  const finding = { channel, file: STATE_NAME, position: offsets.from, bytes: 0, offsets, what }
  await quarantine.keep(finding, Buffer.alloc(0))
}

async function setAside(
  { channel, quarantine }: RecoveryOptions,
  segment: Segment,
  view: FileView,
  damage: Damage,
): Promise<void> {
  const bytes = damage.end - damage.position
  const finding = {
    channel,
    file: segment.logName,
    position: damage.position,
    bytes,
    offsets:
      damage.header === undefined
        ? undefined
        : {
            from: damage.header.firstOffset,
            to: damage.header.firstOffset + damage.header.count,
          },
    what: `${bytes} bytes of the newest segment do not match their checksum.`,
  }
  await quarantine.keep(finding, await readDamaged(view, damage))
}

async function recoverState(
  options: RecoveryOptions,
): Promise<{ state: StoredState | undefined; bytes: number }> {
  const { files, directory, channel, quarantine } = options
  const bytes = await readStateFile(files, directory)
  if (bytes === undefined) return { state: undefined, bytes: 0 }
  const state = decodeState(bytes)
  if (state !== undefined) return { state, bytes: bytes.length }
  const what =
    'The file that says where the readers are does not match its checksum; they begin again.'
  const finding = { channel, file: STATE_NAME, position: 0, bytes: bytes.length, what }
  await quarantine.keep({ ...finding, offsets: undefined }, bytes)
  await files.remove(join(directory, STATE_NAME))
  return { state, bytes: 0 }
}
