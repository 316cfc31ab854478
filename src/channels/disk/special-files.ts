/**
 * Links, pipes, sockets, devices and directories in the place of files of a data directory. They are
 * never followed or opened. When the directory is taken into use they are renamed, so that a file
 * of that name can be written again:
 *
 *     channels/press_1/cursors ──▶ channels/press_1/cursors.set-aside
 *
 * A link in the place of a directory may be somebody's plan to use another disk, so it is an error.
 * If the directory of one channel can't be read or written, it is left as it is: the channel's files
 * can't be opened then, so that recovery sets the channel aside.
 */
import type { Dirent } from 'node:fs'
import { lstat, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { isChannelName } from '../../channel-name.ts'
import { systemCodeOf } from '../../errors.ts'
import type { PipelineObserver } from '../../observer.ts'
import { JOURNAL_NAME } from '../log/channel-log.ts'
import { expectParts, linkInsteadOf } from './files/directory-layout.ts'
import { STATE_NAME, STATE_TEMPORARY_NAME } from './format/state-file.ts'
import { isLogName } from './journal/log-entry.ts'
import { slotNumberOf } from './journal/slot.ts'
import { concernsOneLog } from './log-fault.ts'
import { baseOfLogName } from './segments/segment.ts'
import { isIndexName } from './segments/segment-listing.ts'

const SET_ASIDE = '.set-aside'
const JOURNAL = 'journal'
const CHANNELS = 'channels'

export interface SpecialFile {
  /** The channel, or the journal's name. */
  readonly channel: string
  readonly directory: string
  readonly name: string
  /** Such as `a symbolic link`. */
  readonly what: string
}

/**
 * Renames them, reports each, and returns them.
 * @throws {ConnectorError} StorageFailed if a link or a file is in the place of a directory
 */
export async function setSpecialFilesAside(
  directory: string,
  observer: PipelineObserver,
): Promise<readonly SpecialFile[]> {
  return await renameAll(await findSpecialFiles(directory), observer)
}

/** The same for the directory of one channel. @throws a system error if it can't be read */
export async function setSpecialFilesOfChannelAside(
  directory: string,
  channel: string,
  observer: PipelineObserver,
): Promise<void> {
  const path = join(directory, CHANNELS, channel)
  await expectNoLink(path)
  await renameAll(await specialIn(path, channel, isFileOfLog), observer)
}

async function renameAll(
  found: readonly SpecialFile[],
  observer: PipelineObserver,
): Promise<SpecialFile[]> {
  const renamed: SpecialFile[] = []
  for (const file of found) {
    const path = join(file.directory, file.name)
    try {
      await rename(path, `${path}${SET_ASIDE}`)
    } catch (error) {
      if (!isOfOneChannel(file.channel, error)) throw error
      continue
    }
    const what = `${path} was ${file.what} instead of a file; it is now ${file.name}${SET_ASIDE}.`
    observer.damageFound(file.channel, what)
    renamed.push(file)
  }
  return renamed
}

/** @throws {ConnectorError} StorageFailed if a link or a file is in the place of a directory */
export async function findSpecialFiles(directory: string): Promise<SpecialFile[]> {
  await expectParts(directory)
  const found = await specialIn(join(directory, JOURNAL), JOURNAL_NAME, isSlotName)
  for (const entry of await entriesOf(join(directory, CHANNELS))) {
    if (!isLogName(entry.name)) continue
    const path = join(directory, CHANNELS, entry.name)
    if (entry.isSymbolicLink()) throw linkInsteadOf(path)
    if (!entry.isDirectory()) continue
    try {
      found.push(...(await specialIn(path, entry.name, isFileOfLog)))
    } catch (error) {
      if (!isOfOneChannel(entry.name, error)) throw error
    }
  }
  return found
}

function isOfOneChannel(name: string, error: unknown): boolean {
  return isChannelName(name) && concernsOneLog(error)
}

async function specialIn(
  directory: string,
  channel: string,
  isOurs: (name: string) => boolean,
): Promise<SpecialFile[]> {
  const entries = await entriesOf(directory)
  return entries
    .filter((entry) => isOurs(entry.name) && !entry.isFile())
    .map((entry) => ({ channel, directory, name: entry.name, what: kindOf(entry) }))
}

function isSlotName(name: string): boolean {
  return slotNumberOf(name) !== undefined
}

function isFileOfLog(name: string): boolean {
  const isState = name === STATE_NAME || name === STATE_TEMPORARY_NAME
  return isState || baseOfLogName(name) !== undefined || isIndexName(name)
}

function kindOf(entry: Dirent): string {
  if (entry.isSymbolicLink()) return 'a symbolic link'
  if (entry.isDirectory()) return 'a directory'
  if (entry.isFIFO()) return 'a pipe'
  return entry.isSocket() ? 'a socket' : 'a device'
}

async function entriesOf(directory: string): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true })
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  }
}

async function expectNoLink(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isSymbolicLink() === true) throw linkInsteadOf(path)
}
