/**
 * Looks at a data directory, stopped or in use, without changing anything, and says what is wrong
 * in data and in sentences. Reads every byte once; holds a window of one file at a time.
 */
import { join } from 'node:path'
import { systemCodeOf } from '../../errors.ts'
import type { OffsetRange } from '../channel-log.ts'
import { OffsetRanges } from '../offset-ranges.ts'
import { DirectoryLock, type LockHolder } from './directory-lock.ts'
import type { DirectoryEntry, FileLayer } from './file-layer.ts'
import { explain, type Finding } from './finding.ts'
import { type LogIdentity, logIdText } from './frame.ts'
import { FileView } from './frame-walk.ts'
import { nodeFileLayer } from './node-file-layer.ts'
import { baseOfLogName, type Segment } from './segment.ts'
import { SegmentIndex } from './segment-index.ts'
import { findIdentity, isIndexName, orphanIndexes, segmentsOf } from './segment-listing.ts'
import { type SegmentSurvey, surveySegment } from './segment-survey.ts'
import {
  decodeState,
  highestOffset,
  readStateFile,
  STATE_NAME,
  STATE_TEMPORARY_NAME,
} from './state-file.ts'
import { readWholeFile } from './whole-file.ts'

export interface Inspection {
  readonly directory: string
  /** The process that uses the directory; what it is just writing may look unfinished. */
  readonly usedBy: LockHolder | undefined
  readonly channels: readonly ChannelInspection[]
  /** Findings of earlier times that are kept in quarantine/. */
  readonly quarantinedFiles: number
  readonly bytes: number
}

export interface ChannelInspection {
  readonly channel: string
  readonly logId: string | undefined
  readonly segments: number
  readonly bytes: number
  /** Messages that can be read. */
  readonly messages: number
  /** Offsets from `start` to `end`, less `missing`, can be read. */
  readonly start: number
  readonly end: number
  readonly missing: readonly OffsetRange[]
  readonly oldestAt: number | undefined
  readonly newestAt: number | undefined
  /** Where each reader is; undefined when there is no readable state. */
  readonly positions: Readonly<Record<string, number>> | undefined
  readonly findings: readonly Finding[]
}

/** @throws a system error when the directory can't be read */
export async function inspectDirectory(
  directory: string,
  files: FileLayer = nodeFileLayer,
): Promise<Inspection> {
  const entries = await files.list(join(directory, 'channels'))
  const channels: ChannelInspection[] = []
  for (const { name, isDirectory } of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (isDirectory) channels.push(await inspectChannel(files, directory, name))
  }
  const quarantined = await files.list(join(directory, 'quarantine'))
  const kept = quarantined.reduce((sum, entry) => sum + entry.bytes, 0)
  return {
    directory,
    usedBy: files === nodeFileLayer ? await new DirectoryLock(directory).holder() : undefined,
    channels,
    quarantinedFiles: quarantined.filter((entry) => entry.name.endsWith('.bytes')).length,
    bytes: channels.reduce((sum, channel) => sum + channel.bytes, kept),
  }
}

async function inspectChannel(
  files: FileLayer,
  root: string,
  channel: string,
): Promise<ChannelInspection> {
  const directory = join(root, 'channels', channel)
  const entries = (await files.list(directory)).filter((entry) => !entry.isDirectory)
  const segments = segmentsOf(directory, entries)
  const identity = await findIdentity(files, segments)
  // Before the segments: a process that uses the directory may go on meanwhile.
  const state = await inspectState(files, directory, channel)
  const findings: Finding[] = [
    ...orphanIndexes(entries, segments).map((file) => explain('OrphanIndex', channel, { file })),
    ...otherFiles(channel, entries),
  ]
  const missing = new OffsetRanges()
  let messages = 0
  let oldestAt: number | undefined
  let newestAt = 0
  let end = segments[0]?.base ?? 0
  for (const segment of segments) {
    const known = segment === segments.at(-1) ? state.known : undefined
    const survey = await surveyFile(files, segment, identity, known)
    if (survey === undefined) continue
    messages += survey.messages
    oldestAt ??= survey.oldestAt
    newestAt = Math.max(newestAt, survey.index.newest)
    end = survey.end
    for (const { from, to } of survey.missing) missing.add(from, to)
    findings.push(...segmentFindings(channel, segment, survey))
    if (segment !== segments.at(-1)) {
      findings.push(...(await indexFindings(files, channel, segment, survey)))
    }
  }
  if (state.known > end) {
    const offsets = { from: end, to: state.known }
    findings.push(explain('LostTail', channel, { file: STATE_NAME, offsets }))
  }
  return {
    channel,
    logId: identity === undefined ? undefined : logIdText(identity),
    segments: segments.length,
    bytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
    messages,
    start: segments[0]?.base ?? end,
    end,
    missing: [...missing],
    oldestAt,
    newestAt: messages === 0 ? undefined : newestAt,
    positions: state.positions,
    findings: [...findings, ...state.findings],
  }
}

/**
 * `known` is given for the newest segment alone. Undefined when the segment was removed meanwhile by
 * the process that uses the directory.
 */
async function surveyFile(
  files: FileLayer,
  segment: Segment,
  identity: LogIdentity | undefined,
  known: number | undefined,
): Promise<SegmentSurvey | undefined> {
  try {
    const file = await files.open(segment.logPath, 'read')
    try {
      const limit = known === undefined ? segment.end : Number.POSITIVE_INFINITY
      const view = new FileView(file, segment.bytes, true)
      return await surveySegment(view, identity, segment.base, limit, known)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function segmentFindings(channel: string, segment: Segment, survey: SegmentSurvey): Finding[] {
  const file = segment.logName
  const findings = survey.damages.map(({ position, end, header }) =>
    explain('DamagedBytes', channel, {
      file,
      position,
      bytes: end - position,
      messages: header?.count,
    }),
  )
  if (survey.torn !== undefined) {
    const { position, end, header } = survey.torn
    const since = survey.messages === 0 ? undefined : survey.index.newest
    const place = { file, position, bytes: end - position, messages: header?.count, since }
    findings.push(explain('UnfinishedWrite', channel, place))
  }
  if (survey.residueAt !== undefined) {
    const position = survey.residueAt
    const bytes = segment.bytes - position
    findings.push(explain('FailedCommit', channel, { file, position, bytes }))
  }
  for (const { from, to } of survey.missing) {
    findings.push(
      explain('MissingMessages', channel, { file, offsets: { from, to }, messages: to - from }),
    )
  }
  return findings
}

async function indexFindings(
  files: FileLayer,
  channel: string,
  segment: Segment,
  survey: SegmentSurvey,
): Promise<Finding[]> {
  const file = segment.indexName
  const bytes = await readWholeFile(files, segment.indexPath)
  if (bytes === undefined) return [explain('MissingIndex', channel, { file })]
  const index = SegmentIndex.decode(bytes, segment.bytes)
  const expected = survey.index.encode(segment.bytes, segment.end)
  if (index === undefined || (survey.damages.length === 0 && !bytes.equals(expected))) {
    return [explain('DamagedIndex', channel, { file, bytes: bytes.length })]
  }
  return []
}

interface StateInspection {
  readonly positions: Record<string, number> | undefined
  /** Every offset below was committed. */
  readonly known: number
  readonly findings: readonly Finding[]
}

async function inspectState(
  files: FileLayer,
  directory: string,
  channel: string,
): Promise<StateInspection> {
  const bytes = await readStateFile(files, directory)
  if (bytes === undefined) return { positions: undefined, known: 0, findings: [] }
  const state = decodeState(bytes)
  if (state === undefined) {
    const place = { file: STATE_NAME, bytes: bytes.length }
    return { positions: undefined, known: 0, findings: [explain('DamagedState', channel, place)] }
  }
  const entries = Object.entries(state.cursors).map(([name, cursor]) => [name, cursor.position])
  return { positions: Object.fromEntries(entries), known: highestOffset(state), findings: [] }
}

function otherFiles(channel: string, entries: readonly DirectoryEntry[]): Finding[] {
  return entries.flatMap(({ name, bytes }) => {
    if (baseOfLogName(name) !== undefined || isIndexName(name) || name === STATE_NAME) return []
    const kind = name === STATE_TEMPORARY_NAME ? 'LeftOver' : 'UnknownFile'
    return [explain(kind, channel, { file: name, bytes })]
  })
}
