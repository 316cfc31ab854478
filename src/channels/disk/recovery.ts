/**
 * Recovers a log when its directory is taken into use: its segments, and the frames that follow
 * them in the journal. Only the newest segment is scanned. Sealed ones are known by their names and
 * lengths, and verified when they are read.
 *
 *     newest segment        intact                 appended to again
 *                           damaged, and           cut off there: it was being settled, and the
 *                           in the journal         journal has all of it
 *                           torn tail              cut off and reported; it was not acknowledged
 *                           damaged                quarantined, its offsets skipped, sealed
 *                           has no frame           removed if torn; otherwise quarantined, sealed
 *     between it and        a gap that nobody      its messages were delivered and not kept: the
 *     the journal           needs                  segments before it are removed
 *                           any other gap          damage
 *     journal or state      know of higher         acknowledged: a torn tail is damage; offsets
 *                           offsets                missing entirely are reported and skipped
 */

import { join } from 'node:path'
import type { CutTail, PipelineObserver } from '../../observer.ts'
import { counted } from '../../units.ts'
import type { ChannelState, OffsetRange } from '../log/channel-log.ts'
import { OffsetRanges } from '../log/offset-ranges.ts'
import type { DirectoryEntry, FileLayer, OpenFile } from './files/file-layer.ts'
import { MAX_REPORTS, type Quarantine } from './files/quarantine.ts'
import type { Damage } from './format/damage.ts'
import { type LogIdentity, UNKNOWN_IDENTITY } from './format/frame.ts'
import { FileView } from './format/frame-walk.ts'
import {
  highestOffset,
  STATE_NAME,
  STATE_TEMPORARY_NAME,
  type StoredState,
} from './format/state-file.ts'
import { type FoundLog, identityText } from './journal/journal-reading.ts'
import type { LogEntry } from './journal/log-entry.ts'
import type { PlacedFrame } from './journal/slot.ts'
import { baseOfLogName, type Segment } from './segments/segment.ts'
import {
  identityOfSegments,
  isIndexName,
  orphanIndexes,
  segmentsOf,
} from './segments/segment-listing.ts'
import { readDamaged } from './segments/segment-reader.ts'
import { type SegmentScan, scanSegment } from './segments/segment-scan.ts'
import { recoverState } from './state-recovery.ts'

/** A log as it was found on disk. */
export interface Recovered {
  /** Undefined if neither journal, state nor segments have it. */
  readonly identity: LogIdentity | undefined
  readonly segments: readonly Segment[]
  /** Whether the last segment may be appended to. */
  readonly isLastOpen: boolean
  /** Frames in the journal, ascending. */
  readonly frames: readonly PlacedFrame[]
  /** The offset the next message gets. */
  readonly end: number
  readonly released: number
  readonly damaged: Iterable<OffsetRange>
  readonly state: ChannelState | undefined
  readonly stateBytes: number
  /** Bytes of files that do not belong to the log and are left alone. */
  readonly foreignBytes: number
}

export interface RecoveryOptions {
  readonly files: FileLayer
  readonly directory: string
  readonly channel: string
  readonly quarantine: Quarantine
  readonly observer: PipelineObserver
  /** What the journal holds of each log, by identity. */
  readonly journal: ReadonlyMap<string, FoundLog>
  /** What it holds of this channel, found by name. */
  readonly journaled: FoundLog | undefined
  /** After a clean stop: the state files are newer than the journal's entries. */
  readonly isJournalStale: boolean
  /** False for a log that is in the journal alone. */
  readonly hasDirectory: boolean
}

/** What must be known of a log to scan its newest segment. */
interface Known {
  readonly identity: LogIdentity | undefined
  /** Every offset below was committed. */
  readonly known: number
  /** Messages from here on are in the journal as well. */
  readonly journaledFrom: number
}

interface Tail {
  /** Whether the newest segment may be appended to. */
  readonly isOpen: boolean
  /** Bytes of the newest segment. */
  readonly bytes: number
  readonly end: number
  readonly damaged: Iterable<OffsetRange>
}

/** What the journal and the state file say about a log. */
interface KnownLog {
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
  const log = await readKnownLog(options, segments)
  const { identity, known, released, frames } = log
  const journaledFrom = journaledSince(options.journaled, frames, { released, known })
  const tail = await recoverTail(options, segments, { identity, known, journaledFrom })
  const joined = await joinJournal(options, { segments, frames, tail, released })
  // Files that a killed process had written, created and removed may not be durable yet.
  const isChanged = orphans.length > 0 || segments.length < count
  if (isChanged || (options.hasDirectory && !options.isJournalStale)) {
    await files.syncDirectory(directory)
  }
  const lostFrom = Math.max(joined.end, released)
  const lost = known > lostFrom ? [{ from: lostFrom, to: known }] : []
  const gone = [...joined.missing, ...lost]
  for (const offsets of gone.slice(0, MAX_REPORTS)) await reportLost(options, offsets)
  reportMore(options, gone.length)
  const end = Math.max(joined.end, known)
  return {
    ...log,
    segments,
    isLastOpen: tail.isOpen && segments.length > 0,
    end,
    released: Math.min(released, end),
    damaged: new OffsetRanges([...tail.damaged, ...joined.missing, ...lost]),
    foreignBytes: foreignBytes(entries),
  }
}

async function readKnownLog(
  options: RecoveryOptions,
  segments: readonly Segment[],
): Promise<KnownLog> {
  const { files, journal, journaled, isJournalStale } = options
  const about = { ...options, identity: journaled?.identity, segments }
  const { state: stored, bytes: stateBytes } = await recoverState(about)
  const identity = journaled?.identity ?? stored?.log ?? (await identityOfSegments(files, segments))
  const inJournal = journaled ?? (identity && journal.get(identityText(identity)))
  // Older positions are better than none.
  const entry = isJournalStale && stored !== undefined ? undefined : inJournal?.entry
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

/** The state file is newer if the slots that were written since the last clean stop are gone. */
function isNewer(stored: StoredState | undefined, entry: LogEntry): boolean {
  const log = stored?.log
  return log !== undefined && (log.end > entry.end || log.released > entry.released)
}

/** From this message on, frames of the segments that are not intact are no damage. */
export function journaledSince(
  journaled: FoundLog | undefined,
  frames: readonly PlacedFrame[],
  { released, known }: { readonly released: number; readonly known: number },
): number {
  const inJournal = lastRun(frames)
  // If no message in the segments is needed any more, a broken frame is left from a settling that
  // was given up.
  const isAllReleased = journaled?.entry !== undefined && released >= (inJournal ?? known)
  return isAllReleased && released > 0 ? 0 : (inJournal ?? Number.POSITIVE_INFINITY)
}

/** The start of the last run without a gap; messages before a gap are in segments alone. */
function lastRun(frames: readonly PlacedFrame[]): number | undefined {
  let first: number | undefined
  let end: number | undefined
  for (const { firstOffset, endOffset } of frames) {
    if (firstOffset !== end) first = firstOffset
    end = endOffset
  }
  return first
}

/** Sorts the frames. A frame that was written twice, because a first commit failed, counts once. */
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

/** Finds the common end of segments and journal, and the messages that are missing in between. */
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
  /** The frame behind the last gap that nobody needs. */
  let afterGap: number | undefined
  for (const [index, { firstOffset, endOffset }] of frames.entries()) {
    if (firstOffset > end && firstOffset > released) {
      missing.push({ from: Math.max(end, released), to: firstOffset })
    } else if (firstOffset > end) {
      afterGap = index
    }
    end = Math.max(end, endOffset)
  }
  if (afterGap !== undefined) {
    await removeAll(files, segments)
    frames.splice(0, afterGap)
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
  if (last === undefined) return { isOpen: false, bytes: 0, end: 0, damaged: [] }
  const file = await options.files.open(last.logPath, 'edit')
  try {
    const tail = await scanTail(options, last, file, known)
    last.endsAt({ end: tail.end, bytes: tail.bytes })
    if (tail.bytes > 0) return tail
  } finally {
    await file.close()
  }
  // Its creation was never finished; only its name says where the log continues.
  await options.files.remove(last.logPath)
  await options.files.remove(last.indexPath)
  segments.pop()
  return { isOpen: false, bytes: 0, end: last.base, damaged: [] }
}

async function scanTail(
  options: RecoveryOptions,
  segment: Segment,
  file: OpenFile,
  { identity, known, journaledFrom }: Known,
): Promise<Tail> {
  const view = new FileView(file, segment.bytes, true)
  const bounds = { base: segment.base, limit: Number.POSITIVE_INFINITY, known, journaledFrom }
  const scan = await scanSegment(view, identity ?? UNKNOWN_IDENTITY, bounds)
  for (const damage of scan.damages.slice(0, MAX_REPORTS)) {
    await quarantineDamage(options, segment, view, damage)
  }
  reportMore(options, scan.damages.length)
  if (scan.torn !== undefined) {
    if (scan.end < journaledFrom) {
      options.observer.tailCut(options.channel, cutTail(scan.torn, scan))
    }
    await file.truncate(scan.torn.position)
  }
  segment.keepIndex(scan.index)
  // The frames may not be on the disk yet, and are about to be called settled.
  await file.sync()
  const bytes = scan.torn?.position ?? segment.bytes
  return { isOpen: scan.damages.length === 0, bytes, end: scan.end, damaged: scan.missing }
}

function cutTail({ position, end, header }: Damage, { index, messages }: SegmentScan): CutTail {
  return {
    bytes: end - position,
    messages: header?.count,
    lastMessageAt: messages === 0 ? undefined : index.newest,
  }
}

/** Reports how many damaged places were not reported one by one. */
function reportMore({ observer, channel }: RecoveryOptions, count: number): void {
  if (count <= MAX_REPORTS) return
  observer.damageFound(channel, `damaged or missing: ${counted(count - MAX_REPORTS, 'more place')}`)
}

/** Reports lost messages of which no bytes are left to keep a copy of. */
async function reportLost({ channel, quarantine }: RecoveryOptions, offsets: OffsetRange) {
  const what = `missing: ${counted(offsets.to - offsets.from, 'stored message')}.`
  const report = { channel, file: STATE_NAME, position: offsets.from, bytes: 0, offsets, what }
  await quarantine.keep(report, Buffer.alloc(0))
}

async function quarantineDamage(
  { channel, quarantine }: RecoveryOptions,
  segment: Segment,
  view: FileView,
  damage: Damage,
): Promise<void> {
  const bytes = damage.end - damage.position
  const report = {
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
  await quarantine.keep(report, await readDamaged(view, damage))
}
