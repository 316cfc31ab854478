/**
 * What a channel's directory holds when it is taken into use. Only the newest segment is walked;
 * the sealed ones are known by their names and lengths, and looked at when they are read.
 *
 *     newest segment        nothing wrong          goes on being written
 *                           torn tail              cut off; nobody was promised it
 *                           damage                 set aside, its offsets skipped, sealed
 *                           no frame at all        torn: removed; otherwise set aside and sealed
 */
import { join } from 'node:path'
import type { ChannelState, OffsetRange } from '../channel-log.ts'
import { type Damage, explainDamage } from './damage.ts'
import type { DirectoryEntry, FileLayer, OpenFile } from './file-layer.ts'
import { type LogIdentity, readHeader } from './frame.ts'
import { FileView, findFrame, walkFrames } from './frame-walk.ts'
import type { Quarantine } from './quarantine.ts'
import { baseOfLogName, Segment } from './segment.ts'
import { SegmentIndex } from './segment-index.ts'
import { readDamaged } from './segment-reader.ts'
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
  readonly damaged: readonly OffsetRange[]
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
}

interface Tail {
  readonly isOpen: boolean
  readonly end: number
  readonly damaged: readonly OffsetRange[]
}

/** @throws a system error when the directory can't be read or written */
export async function recoverLog(options: RecoveryOptions): Promise<Recovered> {
  const { files, directory } = options
  const entries = (await files.list(directory)).filter((entry) => !entry.isDirectory)
  await files.remove(join(directory, STATE_TEMPORARY_NAME))
  const segments = segmentsOf(directory, entries)
  await removeOrphanIndexes(options, entries, segments)
  const identity = await findIdentity(files, segments)
  const tail = await recoverTail(options, segments, identity)
  const { state, stateBytes } = await recoverState(options)
  const known = state === undefined ? 0 : highestOffset(state)
  const lost = known > tail.end ? [{ from: tail.end, to: known }] : []
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

function segmentsOf(directory: string, entries: readonly DirectoryEntry[]): Segment[] {
  const indexBytes = new Map(entries.map((entry) => [entry.name, entry.bytes]))
  const segments: Segment[] = []
  for (const { name, bytes, modifiedAt } of entries) {
    const base = baseOfLogName(name)
    if (base === undefined) continue
    const segment = new Segment(directory, base, base, bytes, modifiedAt)
    segment.indexBytes = indexBytes.get(name.replace(/log$/, 'idx')) ?? 0
    segments.push(segment)
  }
  segments.sort((a, b) => a.base - b.base)
  segments.forEach((segment, place) => {
    segment.end = segments[place + 1]?.base ?? segment.base
  })
  return segments
}

async function removeOrphanIndexes(
  { files, directory }: RecoveryOptions,
  entries: readonly DirectoryEntry[],
  segments: readonly Segment[],
): Promise<void> {
  const bases = new Set(segments.map((segment) => segment.base))
  for (const { name } of entries) {
    const base = name.endsWith('.idx') ? baseOfLogName(name.replace(/idx$/, 'log')) : undefined
    if (base !== undefined && !bases.has(base)) await files.remove(join(directory, name))
  }
}

function foreignBytes(entries: readonly DirectoryEntry[]): number {
  return entries
    .filter(({ name }) => baseOfLogName(name.replace(/idx$/, 'log')) === undefined)
    .filter(({ name }) => name !== STATE_NAME && name !== STATE_TEMPORARY_NAME)
    .reduce((sum, entry) => sum + entry.bytes, 0)
}

/** Every frame says which log it belongs to; mostly the first one looked at does. */
async function findIdentity(
  files: FileLayer,
  segments: readonly Segment[],
): Promise<LogIdentity | undefined> {
  for (const segment of segments) {
    const file = await files.open(segment.logPath, 'read')
    try {
      const view = new FileView(file, segment.bytes)
      const position = await findFrame(view, undefined, 0)
      if (position === undefined) continue
      const header = readHeader(view.buffer, view.indexOf(position), undefined)
      if (header !== undefined) return header.identity
    } finally {
      await file.close()
    }
  }
  return undefined
}

async function recoverTail(
  options: RecoveryOptions,
  segments: Segment[],
  identity: LogIdentity | undefined,
): Promise<Tail> {
  const last = segments.at(-1)
  if (last === undefined) return { isOpen: false, end: 0, damaged: [] }
  const file = await options.files.open(last.logPath, 'edit')
  try {
    const tail = await walkTail(options, last, file, identity)
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
  identity: LogIdentity | undefined,
): Promise<Tail> {
  const view = new FileView(file, segment.bytes)
  const index = new SegmentIndex()
  const damaged: OffsetRange[] = []
  let isOpen = true
  let end = segment.base
  let position = 0
  while (position < view.fileBytes) {
    const stop = await walkFrames(view, identity, position, (header, at) => {
      if (header.firstOffset > end) damaged.push({ from: end, to: header.firstOffset })
      end = Math.max(end, header.firstOffset + header.count)
      index.note(header, at)
    })
    position = stop.position
    if (position >= view.fileBytes) break
    const damage = await explainDamage(view, identity, stop)
    if (damage.isTorn) {
      await file.truncate(position)
      segment.bytes = position
      break
    }
    isOpen = false
    await setAside(options, segment, view, damage)
    const known =
      damage.header === undefined ? end : damage.header.firstOffset + damage.header.count
    if (known > end) damaged.push({ from: end, to: known })
    end = Math.max(end, known)
    position = damage.end
  }
  segment.index = index
  // What was read may still be on its way to the disk, and is about to be called committed.
  await file.sync()
  return { isOpen, end, damaged }
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
