/**
 * Repairs what an inspection has found, as far as that loses no message that can be read. Damaged
 * bytes are copied to quarantine/ first.
 */

import { join } from 'node:path'
import type { Clock } from '../../../clock.ts'
import { asConnectorError } from '../../../errors.ts'
import { silentObserver } from '../../../observer.ts'
import { counted } from '../../../units.ts'
import { JOURNAL_NAME } from '../../log/channel-log.ts'
import { MemoryBudget } from '../../log/memory-budget.ts'
import { DiskLogStore } from '../disk-log-store.ts'
import { DirectoryLock } from '../files/directory-lock.ts'
import { DiskSpace } from '../files/disk-space.ts'
import type { FileLayer } from '../files/file-layer.ts'
import { nodeFileLayer } from '../files/node-file-layer.ts'
import { MAX_KEPT_BYTES, Quarantine } from '../files/quarantine.ts'
import { writeSmallFile } from '../files/small-file.ts'
import { FileView } from '../format/frame-walk.ts'
import { findIdentity, segmentsOf } from '../segments/segment-listing.ts'
import { scanSegment } from '../segments/segment-scan.ts'
import { setSpecialFilesAside } from '../special-files.ts'
import { explain, type Finding } from './finding.ts'
import { type Inspection, inspectDirectory } from './inspect.ts'

const QUARANTINE_BYTES = 16 * 1024 * 1024
const SEGMENT_BYTES = 16 * 1024 * 1024
const MEMORY_BYTES = 16 * 1024 * 1024

export interface RepairOptions {
  readonly directory: string
  readonly clock: Clock
  /** For tests; the directory is not locked then. */
  readonly files?: FileLayer
}

/** A finding and what was done about it, in one sentence. */
export interface Repair {
  readonly finding: Finding
  readonly done: string
}

/**
 * @throws {ConnectorError} DirectoryLocked when a process uses the directory, StorageFailed when
 * the disk refuses
 */
export async function repairDirectory(options: RepairOptions): Promise<readonly Repair[]> {
  const { directory, files = nodeFileLayer } = options
  const lock = options.files === undefined ? new DirectoryLock(directory) : undefined
  await lock?.acquire()
  try {
    return await repairAll(options, files)
  } catch (error) {
    throw asConnectorError(error, 'StorageFailed', `repairing ${directory}`)
  } finally {
    await lock?.release()
  }
}

async function repairAll(options: RepairOptions, files: FileLayer): Promise<Repair[]> {
  const { directory, clock } = options
  const quarantine = new Quarantine({
    files,
    directory: join(directory, 'quarantine'),
    maxBytes: QUARANTINE_BYTES,
    space: new DiskSpace(Number.POSITIVE_INFINITY),
    clock,
    observer: silentObserver,
  })
  await quarantine.open()
  const repairs: Repair[] = []
  if (files === nodeFileLayer) {
    for (const { channel, name } of await setSpecialFilesAside(directory, silentObserver)) {
      const finding = explain('NotAFile', channel, { file: name })
      repairs.push({ finding, done: 'Renamed it.' })
    }
  }
  const inspection = await inspectDirectory(directory, files)
  for (const { channel, findings } of inspection.channels) {
    const path = join(directory, 'channels', channel)
    if (findings.length === 0 || findings.some(({ kind }) => kind === 'CannotBeRead')) continue
    for (const finding of inOrder(findings)) {
      const done = await repairFinding(files, quarantine, path, finding)
      if (done !== undefined) repairs.push({ finding, done })
    }
    await files.syncDirectory(path)
  }
  const { messages, hasNewerStates } = inspection.journal
  if (messages > 0 || hasNewerStates) {
    repairs.push(...(await settleJournal(options, files, inspection)))
  }
  return repairs
}

/**
 * Stores messages and positions that are in the journal alone in the channels' directories, by a start and a stop
 * of the store, which also quarantines damage. The journal's slots do not change, except for a
 * cycle that marks its end.
 */
async function settleJournal(
  { directory, clock }: RepairOptions,
  files: FileLayer,
  { journal }: Inspection,
): Promise<Repair[]> {
  const store = new DiskLogStore({
    directory,
    files,
    clock,
    observer: silentObserver,
    budget: new MemoryBudget(MEMORY_BYTES),
    maxBytes: Number.POSITIVE_INFINITY,
    segmentBytes: SEGMENT_BYTES,
    segmentMaxAgeMs: Number.POSITIVE_INFINITY,
    historyBytes: Number.POSITIVE_INFINITY,
    maxStopMs: Number.POSITIVE_INFINITY,
  })
  await store.open()
  await store.close()
  if (journal.messages === 0) return []
  const finding = explain('JournaledMessages', JOURNAL_NAME, {
    file: 'journal',
    messages: journal.messages,
  })
  return [{ finding, done: `Stored ${counted(journal.messages, 'message')} below channels/.` }]
}

/** Indexes last, because they contain the length of their segment. */
function inOrder(findings: readonly Finding[]): Finding[] {
  const isIndex = (finding: Finding) => finding.kind.endsWith('Index')
  return [...findings.filter((one) => !isIndex(one)), ...findings.filter(isIndex)]
}

/** Says what was done; undefined if nothing was. */
async function repairFinding(
  files: FileLayer,
  quarantine: Quarantine,
  directory: string,
  finding: Finding,
): Promise<string | undefined> {
  const path = join(directory, finding.file)
  switch (finding.kind) {
    case 'UnfinishedWrite':
    case 'FailedCommit':
      await cut(files, path, finding.position ?? 0)
      return `Cut ${counted(finding.bytes ?? 0, 'byte')} off.`
    case 'DamagedBytes':
      return (await quarantineDamage(files, quarantine, path, finding))
        ? 'Copied the damaged bytes to quarantine/; readers skip them.'
        : undefined
    case 'DamagedState':
      await quarantineDamage(files, quarantine, path, finding)
      await files.remove(path)
      return 'Moved the file to quarantine/.'
    case 'MissingIndex':
    case 'DamagedIndex':
      await writeIndex(files, directory, finding.file)
      return 'Rebuilt the index.'
    case 'OrphanIndex':
    case 'LeftOver':
      await files.remove(path)
      return 'Removed it.'
    case 'MissingMessages':
    case 'LostTail':
    case 'MissingSlot':
    case 'JournaledMessages':
    case 'UnknownFile':
    case 'CannotBeRead':
    case 'NotAFile':
      return undefined
  }
}

async function cut(files: FileLayer, path: string, bytes: number): Promise<void> {
  const file = await files.open(path, 'edit')
  try {
    await file.truncate(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** False if there is a copy already. */
async function quarantineDamage(
  files: FileLayer,
  quarantine: Quarantine,
  path: string,
  finding: Finding,
): Promise<boolean> {
  const position = finding.position ?? 0
  const bytes = finding.bytes ?? 0
  const file = await files.open(path, 'read')
  try {
    const content = Buffer.alloc(Math.min(bytes, MAX_KEPT_BYTES))
    await file.read(content, content.length, position)
    const { channel, explanation: what, offsets } = finding
    const where = { channel, file: finding.file, position, bytes, offsets }
    return await quarantine.keep({ ...where, what }, content)
  } finally {
    await file.close()
  }
}

async function writeIndex(files: FileLayer, directory: string, name: string): Promise<void> {
  const segments = segmentsOf(directory, await files.list(directory))
  const segment = segments.find((one) => one.indexName === name)
  const identity = await findIdentity(files, directory, segments)
  if (segment === undefined || identity === undefined) return
  const file = await files.open(segment.logPath, 'read')
  try {
    const view = new FileView(file, segment.bytes, true)
    const { index } = await scanSegment(view, identity, {
      base: segment.base,
      limit: segment.end,
    })
    await writeSmallFile(files, segment.indexPath, index.encode(segment.bytes, segment.end))
  } finally {
    await file.close()
  }
}
