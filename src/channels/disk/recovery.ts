/**
 * What a channel's directory holds when it is taken into use. Only the newest segment is walked;
 * the sealed ones are known by their names and lengths, and looked at when they are read.
 *
 *     newest segment        nothing wrong          goes on being written
 *                           torn tail              cut off and reported; nobody was promised it
 *                           damage                 set aside, its offsets skipped, sealed
 *                           no frame at all        torn: removed; otherwise set aside and sealed
 *     the state knows       of higher offsets      promised: a torn tail is damage then, and what
 *                                                  nothing is left of is reported, skipped, sealed
 */
import { join } from 'node:path'
import type { CutTail, PipelineObserver } from '../../observer.ts'
import type { ChannelState, OffsetRange } from '../channel-log.ts'
import type { Damage } from './damage.ts'
import type { DirectoryEntry, FileLayer, OpenFile } from './file-layer.ts'
import type { LogIdentity } from './frame.ts'
import { FileView } from './frame-walk.ts'
import type { Quarantine } from './quarantine.ts'
import { baseOfLogName, type Segment } from './segment.ts'
import { findIdentity, isIndexName, orphanIndexes, segmentsOf } from './segment-listing.ts'
import { readDamaged } from './segment-reader.ts'
import { type SegmentSurvey, surveySegment } from './segment-survey.ts'
import {
  decodeState,
  highestOffset,
  readStateFile,
  STATE_NAME,
  STATE_TEMPORARY_NAME,
} from './state-file.ts'

/** A channel as found on disk. */
export interface Recovered {
  /** Undefined when no frame of the log was found. */
  readonly identity: LogIdentity | undefined
  readonly segments: Segment[]
  /** Whether the last segment may be written on. */
  readonly isLastOpen: boolean
  /** The offset the next message gets. */
  readonly end: number
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
}

/** What is known of a log before its newest segment is walked. */
interface Known {
  readonly identity: LogIdentity | undefined
  /** Every offset below was committed. */
  readonly known: number
}

interface Tail {
  readonly isOpen: boolean
  readonly end: number
  readonly damaged: Iterable<OffsetRange>
}

/** @throws a system error when the directory can't be read or written */
export async function recoverLog(options: RecoveryOptions): Promise<Recovered> {
  const { files, directory } = options
  const entries = (await files.list(directory)).filter((entry) => !entry.isDirectory)
  await files.remove(join(directory, STATE_TEMPORARY_NAME))
  const segments = segmentsOf(directory, entries)
  for (const name of orphanIndexes(entries, segments)) await files.remove(join(directory, name))
  const identity = await findIdentity(files, segments)
  const { state, stateBytes } = await recoverState(options)
  const known = state === undefined ? 0 : highestOffset(state)
  const tail = await recoverTail(options, segments, { identity, known })
  const lost = known > tail.end ? [{ from: tail.end, to: known }] : []
  for (const offsets of lost) await reportLost(options, offsets)
  return {
    identity,
    segments,
    isLastOpen: tail.isOpen && lost.length === 0,
    end: Math.max(tail.end, known),
    damaged: [...tail.damaged, ...lost],
    state,
    stateBytes,
    foreignBytes: foreignBytes(entries),
  }
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
  { identity, known }: Known,
): Promise<Tail> {
  const view = new FileView(file, segment.bytes, true)
  const survey = await surveySegment(view, identity, segment.base, Number.POSITIVE_INFINITY, known)
  for (const damage of survey.damages) await setAside(options, segment, view, damage)
  if (survey.torn !== undefined) {
    options.observer.tailCut(options.channel, cutTail(survey.torn, survey))
    await file.truncate(survey.torn.position)
    segment.bytes = survey.torn.position
  }
  segment.index = survey.index
  // What was read may still be on its way to the disk, and is about to be called committed.
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
  const what = `The log held ${offsets.to - offsets.from} messages more than are left: its end was lost.`
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
): Promise<{ state: ChannelState | undefined; stateBytes: number }> {
  const { files, directory, channel, quarantine } = options
  const bytes = await readStateFile(files, directory)
  if (bytes === undefined) return { state: undefined, stateBytes: 0 }
  const state = decodeState(bytes)
  if (state !== undefined) return { state, stateBytes: bytes.length }
  const what =
    'The file that says where the readers are does not match its checksum; they begin anew.'
  const finding = { channel, file: STATE_NAME, position: 0, bytes: bytes.length, what }
  await quarantine.keep({ ...finding, offsets: undefined }, bytes)
  await files.remove(join(directory, STATE_NAME))
  return { state, stateBytes: 0 }
}
