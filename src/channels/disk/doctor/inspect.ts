/**
 * Inspects a data directory, whether a connector uses it or not, without changing anything, and
 * reports what is wrong as data and in sentences. It reads every byte once, and holds a window of
 * one file at a time.
 */

import { basename, join } from 'node:path'
import { systemCodeOf } from '../../../errors.ts'
import { type ChannelState, JOURNAL_NAME, type OffsetRange } from '../../log/channel-log.ts'
import { DirectoryLock, type LockHolder } from '../files/directory-lock.ts'
import type { DirectoryEntry, FileLayer } from '../files/file-layer.ts'
import { nodeFileLayer } from '../files/node-file-layer.ts'
import { readSmallFile } from '../files/small-file.ts'
import { type LogIdentity, logIdText, UNKNOWN_IDENTITY } from '../format/frame.ts'
import { FileView } from '../format/frame-walk.ts'
import { maxIndexBytes, SegmentIndex } from '../format/segment-index.ts'
import {
  decodeState,
  highestOffset,
  readStateFile,
  STATE_NAME,
  STATE_TEMPORARY_NAME,
} from '../format/state-file.ts'
import { findHistory } from '../journal/journal-history.ts'
import { type FoundJournal, identityText, readJournal } from '../journal/journal-reading.ts'
import type { LogEntry } from '../journal/log-entry.ts'
import { concernsOneLog } from '../log-fault.ts'
import { journaledSince } from '../recovery.ts'
import { baseOfLogName, type Segment } from '../segments/segment.ts'
import {
  findIdentity,
  isIndexName,
  orphanIndexes,
  segmentsOf,
} from '../segments/segment-listing.ts'
import { type ScanBounds, type SegmentScan, scanSegment } from '../segments/segment-scan.ts'
import { findSpecialFiles, type SpecialFile } from '../special-files.ts'
import { logOf } from '../stored-log.ts'
import { ChannelTally } from './channel-tally.ts'
import { explain, type Finding } from './finding.ts'

export interface Inspection {
  readonly directory: string
  /** The process that uses the directory; its latest writes may look unfinished. */
  readonly usedBy: LockHolder | undefined
  readonly channels: readonly ChannelInspection[]
  readonly journal: JournalInspection
  /** Copies of damaged bytes that are in quarantine/ from earlier. */
  readonly quarantinedFiles: number
  readonly bytes: number
}

/** What the journal holds, and what is wrong with it. */
export interface JournalInspection {
  readonly slots: number
  readonly bytes: number
  /** Messages that are in the journal alone. */
  readonly messages: number
  /** Whether positions of readers are in the journal alone. */
  readonly hasNewerStates: boolean
  readonly findings: readonly Finding[]
}

export interface ChannelInspection {
  readonly channel: string
  readonly logId: string | undefined
  readonly segments: number
  readonly bytes: number
  /** Messages that can be read. */
  readonly messages: number
  /** Those among them that are in the journal alone. */
  readonly journaledMessages: number
  /** Offsets from `start` to `end` can be read, except for `missing`. */
  readonly start: number
  readonly end: number
  readonly missing: readonly OffsetRange[]
  readonly oldestAt: number | undefined
  readonly newestAt: number | undefined
  /** The position of each reader; undefined if there is no readable state. */
  readonly positions: Readonly<Record<string, number>> | undefined
  readonly findings: readonly Finding[]
}

/** @throws a system error when the directory can't be read */
export async function inspectDirectory(
  directory: string,
  files: FileLayer = nodeFileLayer,
): Promise<Inspection> {
  const special = files === nodeFileLayer ? await findSpecialFiles(directory) : []
  const entries = await files.list(join(directory, 'channels'))
  const journal = await readJournal(files, join(directory, 'journal'))
  const directories = entries.filter((entry) => entry.isDirectory).map((entry) => entry.name)
  const named = [...journal.logs.values()].flatMap(({ entry }) => (entry ? [entry.name] : []))
  const channels: ChannelInspection[] = []
  for (const name of [...new Set([...directories, ...named])].sort()) {
    const found = await inspectChannel(files, directory, name, journal).catch((error: unknown) =>
      notInspected(name, error),
    )
    channels.push({ ...found, findings: [...found.findings, ...specialFindings(special, name)] })
  }
  const quarantined = await files.list(join(directory, 'quarantine')).catch(() => [])
  const kept = quarantined.reduce((sum, entry) => sum + entry.bytes, 0)
  return {
    directory,
    usedBy: files === nodeFileLayer ? await new DirectoryLock(directory).holder() : undefined,
    channels,
    journal: {
      slots: journal.slotCount,
      bytes: journal.bytes,
      messages: channels.reduce((sum, channel) => sum + channel.journaledMessages, 0),
      hasNewerStates: !journal.isClean && journal.logs.size > 0,
      findings: [
        ...journalFindings(journal, channels.some(hasLosses)),
        ...specialFindings(special, JOURNAL_NAME),
      ],
    },
    quarantinedFiles: quarantined.filter((entry) => entry.name.endsWith('.bytes')).length,
    bytes: channels.reduce((sum, channel) => sum + channel.bytes, kept + journal.bytes),
  }
}

function specialFindings(files: readonly SpecialFile[], channel: string): Finding[] {
  return files
    .filter((file) => file.channel === channel)
    .map(({ name }) => explain('NotAFile', channel, { file: name }))
}

/** One channel whose files fail must not hide what is found of the others. */
function notInspected(channel: string, error: unknown): ChannelInspection {
  if (!concernsOneLog(error)) throw error
  const path = error instanceof Error && 'path' in error ? String(error.path) : '.'
  const nothing = { segments: 0, bytes: 0, messages: 0, journaledMessages: 0, start: 0, end: 0 }
  return {
    channel,
    ...nothing,
    logId: undefined,
    missing: [],
    oldestAt: undefined,
    newestAt: undefined,
    positions: undefined,
    findings: [explain('CannotBeRead', channel, { file: basename(path) })],
  }
}

async function inspectChannel(
  files: FileLayer,
  root: string,
  channel: string,
  journal: FoundJournal,
): Promise<ChannelInspection> {
  const directory = join(root, 'channels', channel)
  const entries = (await files.list(directory)).filter((entry) => !entry.isDirectory)
  const segments = segmentsOf(directory, entries)
  // Before the segments, because a process that uses the directory may write meanwhile.
  const log = await readKnownLog(files, journal, { channel, directory, segments })
  const { identity, state, frames } = log
  const journaledFrom = journaledSince(log.journaled, frames, state)
  const tally = new ChannelTally(channel, segments[0]?.base)
  for (const file of orphanIndexes(entries, segments)) {
    tally.findings.push(explain('OrphanIndex', channel, { file }))
  }
  tally.findings.push(...otherFiles(channel, entries))
  for (const segment of segments) {
    const isNewest = segment === segments.at(-1)
    const limit = isNewest ? Number.POSITIVE_INFINITY : segment.end
    const known = isNewest ? state.known : 0
    const bounds = { base: segment.base, limit, known, journaledFrom }
    const scan = await scanFile(files, segment, identity, bounds)
    if (scan === undefined) continue
    tally.addSegment(segment, scan)
    if (!isNewest) tally.findings.push(...(await indexFindings(files, channel, segment, scan)))
  }
  for (const frame of frames) tally.addFrame(frame, state.released)
  tally.endAt(state)
  if (identity !== undefined) await findHistory(files, journal, [tally.historyOf(identity)])
  return {
    channel,
    logId: identity === undefined ? undefined : logIdText(identity),
    segments: segments.length,
    bytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
    ...tally.figures(),
    positions: state.positions,
    findings: [...tally.findings, ...state.findings],
  }
}

/** What the journal and the state file say about a log. */
async function readKnownLog(
  files: FileLayer,
  journal: FoundJournal,
  log: {
    readonly channel: string
    readonly directory: string
    readonly segments: readonly Segment[]
  },
) {
  const named = logOf(journal, log.channel)
  const identity = named?.identity ?? (await findIdentity(files, log.directory, log.segments))
  const journaled = named ?? (identity && journal.logs.get(identityText(identity)))
  const stored = await inspectState(files, log.directory, log.channel)
  const entry = journal.isClean ? undefined : journaled?.entry
  const state = entry === undefined ? stored : { ...stored, ...stateOfEntry(entry) }
  return { identity, state, journaled, frames: journaled?.frames ?? [] }
}

/** Undefined if the process that uses the directory has removed the segment meanwhile. */
async function scanFile(
  files: FileLayer,
  segment: Segment,
  identity: LogIdentity | undefined,
  bounds: ScanBounds,
): Promise<SegmentScan | undefined> {
  try {
    const file = await files.open(segment.logPath, 'read')
    try {
      const view = new FileView(file, segment.bytes, true)
      return await scanSegment(view, identity ?? UNKNOWN_IDENTITY, bounds)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function indexFindings(
  files: FileLayer,
  channel: string,
  segment: Segment,
  scan: SegmentScan,
): Promise<Finding[]> {
  const file = segment.indexName
  const bytes = await readSmallFile(files, segment.indexPath, maxIndexBytes(segment.bytes))
  if (bytes === undefined) return [explain('MissingIndex', channel, { file })]
  const index = SegmentIndex.decode(bytes, segment.bytes)
  const expected = scan.index.encode(segment.bytes, segment.end)
  if (index === undefined || (scan.damages.length === 0 && !bytes.equals(expected))) {
    return [explain('DamagedIndex', channel, { file, bytes: bytes.length })]
  }
  return []
}

interface StateInspection {
  readonly positions: Record<string, number> | undefined
  /** Every offset below was committed. */
  readonly known: number
  /** Messages below are not needed any more. */
  readonly released: number
  readonly findings: readonly Finding[]
}

async function inspectState(
  files: FileLayer,
  directory: string,
  channel: string,
): Promise<StateInspection> {
  const bytes = await readStateFile(files, directory)
  const nothing = { positions: undefined, known: 0, released: 0 }
  if (bytes === undefined) return { ...nothing, findings: [] }
  const state = decodeState(bytes)
  if (state === undefined) {
    const place = { file: STATE_NAME, bytes: bytes.length }
    return { ...nothing, findings: [explain('DamagedState', channel, place)] }
  }
  const released = state.log?.released ?? 0
  return { positions: positionsOf(state), known: highestOffset(state), released, findings: [] }
}

/** The same according to the journal. */
function stateOfEntry({ state, end, released }: LogEntry) {
  const known = Math.max(end, state === undefined ? 0 : highestOffset(state))
  return { positions: state && positionsOf(state), known, released }
}

function positionsOf({ cursors }: ChannelState): Record<string, number> {
  return Object.fromEntries(Object.entries(cursors).map(([name, { position }]) => [name, position]))
}

function hasLosses({ findings }: ChannelInspection): boolean {
  return findings.some(({ severity }) => severity === 'loss')
}

/** If no message is missing, slots that look damaged were just being reused. */
function journalFindings({ torn, ...found }: FoundJournal, isMissingMessages: boolean): Finding[] {
  const damages = isMissingMessages ? found.damages : []
  const lost = isMissingMessages ? found.lost : []
  const findings = damages.map(({ slot, position, bytes, header }) =>
    explain('DamagedBytes', JOURNAL_NAME, {
      file: basename(slot.path),
      position,
      bytes,
      messages: header?.count,
    }),
  )
  if (torn !== undefined) {
    const { slot, position, bytes, time: since } = torn
    const place = { file: basename(slot.path), position, bytes, since }
    findings.push(explain('UnfinishedWrite', JOURNAL_NAME, place))
  }
  for (const generation of lost) {
    findings.push(explain('MissingSlot', JOURNAL_NAME, { file: `use ${generation}` }))
  }
  return findings
}

function otherFiles(channel: string, entries: readonly DirectoryEntry[]): Finding[] {
  return entries.flatMap(({ name, bytes }) => {
    if (baseOfLogName(name) !== undefined || isIndexName(name) || name === STATE_NAME) return []
    const kind = name === STATE_TEMPORARY_NAME ? 'LeftOver' : 'UnknownFile'
    return [explain(kind, channel, { file: name, bytes })]
  })
}
