/**
 * Recovers a data directory when it is taken into use: the journal first, then every log that has a
 * directory or is in the journal. Damage is quarantined and reported; it never keeps the directory
 * from being opened.
 */
import { basename, join } from 'node:path'
import { isChannelName } from '../../channel-name.ts'
import type { PipelineObserver } from '../../observer.ts'
import { JOURNAL_NAME } from '../log/channel-log.ts'
import { LOG_RESERVE_BYTES } from './disk-log.ts'
import type { FileLayer } from './files/file-layer.ts'
import { MAX_KEPT_BYTES, MAX_REPORTS, type Quarantine } from './files/quarantine.ts'
import {
  type FoundJournal,
  type FoundLog,
  identityText,
  readJournal,
  type SlotDamage,
} from './journal/journal-reading.ts'
import { concernsOneLog } from './log-fault.ts'
import { type Recovered, type RecoveryOptions, recoverLog } from './recovery.ts'

/** Logs that are recovered at the same time: each may need a window of a file in memory. */
const AT_ONCE = 32

export interface StoreRecoveryOptions {
  readonly files: FileLayer
  readonly directory: string
  readonly quarantine: Quarantine
  readonly observer: PipelineObserver
}

export interface RecoveredStore {
  readonly journal: FoundJournal
  readonly logs: readonly RecoveredLog[]
  readonly unopened: readonly UnopenedFiles[]
}

/** A channel whose files can't be opened. */
export interface UnopenedFiles {
  readonly channel: string
  readonly journaled: FoundLog | undefined
  readonly error: unknown
  /** Bytes of its files, as far as they are known. */
  readonly heldBytes: number
}

export interface RecoveredLog {
  readonly channel: string
  readonly found: Recovered
  /** Bytes of the files in its directory, and bytes claimed for it. */
  readonly heldBytes: number
  /** False for a directory that holds no log. */
  readonly isOurs: boolean
}

/**
 * @throws a system error when the directory can't be read or written. A channel whose files fail is
 *   set aside; without the connector's own logs, such as the sessions', it must not start.
 */
export async function recoverStore(options: StoreRecoveryOptions): Promise<RecoveredStore> {
  const { files, directory, observer } = options
  const journal = await readJournal(files, join(directory, 'journal'))
  const named = new Map<string, FoundLog>()
  for (const log of journal.logs.values()) if (log.entry) named.set(log.entry.name, log)
  const entries = await files.list(join(directory, 'channels'))
  const directories = new Set(entries.filter((one) => one.isDirectory).map((one) => one.name))
  const names = [...new Set([...directories, ...named.keys()])]
  const unopened: UnopenedFiles[] = []
  const recover = async (channel: string) => {
    const journaled = named.get(channel)
    try {
      const one = { channel, journaled, hasDirectory: directories.has(channel) }
      return [await recoverOne(options, journal, one)]
    } catch (error) {
      if (!isChannelName(channel) || !concernsOneLog(error)) throw error
      const fileBytes = await bytesIn(files, join(directory, 'channels', channel))
      const heldBytes = fileBytes + LOG_RESERVE_BYTES
      unopened.push({ channel, journaled, error, heldBytes })
      return []
    }
  }
  const logs: RecoveredLog[] = []
  for (let done = 0; done < names.length; done += AT_ONCE) {
    const found = await Promise.all(names.slice(done, done + AT_ONCE).map(recover))
    logs.push(...found.flat())
  }
  if (journal.torn !== undefined) {
    const { bytes, time } = journal.torn
    observer.tailCut(JOURNAL_NAME, { bytes, messages: undefined, lastMessageAt: time })
  }
  // If no message is missing, the damage is in a slot that was just being reused.
  if (logs.some(({ found }) => [...found.damaged].length > 0)) {
    await reportDamage(options, journal)
  }
  return { journal, logs, unopened }
}

async function reportDamage(options: StoreRecoveryOptions, { lost, damages }: FoundJournal) {
  for (const generation of lost) {
    const what = `The file of use ${generation} of the journal is missing.`
    options.observer.damageFound(JOURNAL_NAME, what)
  }
  for (const damage of damages.slice(0, MAX_REPORTS)) await quarantineDamage(options, damage)
  if (damages.length <= MAX_REPORTS) return
  const what = `${damages.length - MAX_REPORTS} more places are damaged.`
  options.observer.damageFound(JOURNAL_NAME, what)
}

/**
 * Recovers a log whose files could not be opened before.
 * @param journaled what the journal still holds of it
 * @throws a system error when they still can't
 */
export async function recoverAgain(
  options: StoreRecoveryOptions,
  isClean: boolean,
  { channel, journaled }: Pick<UnopenedFiles, 'channel' | 'journaled'>,
): Promise<RecoveredLog> {
  const { files, directory } = options
  const entries = await files.list(join(directory, 'channels'))
  const hasDirectory = entries.some(({ name, isDirectory }) => isDirectory && name === channel)
  const logs = new Map(journaled && [[identityText(journaled.identity), journaled]])
  return await recoverOne(options, { logs, isClean }, { channel, journaled, hasDirectory })
}

async function recoverOne(
  { files, directory, quarantine, observer }: StoreRecoveryOptions,
  journal: Pick<FoundJournal, 'logs' | 'isClean'>,
  one: Pick<RecoveryOptions, 'channel' | 'journaled' | 'hasDirectory'>,
): Promise<RecoveredLog> {
  const { channel } = one
  const found = await recoverLog({
    files,
    ...one,
    directory: join(directory, 'channels', channel),
    quarantine,
    observer,
    journal: journal.logs,
    isJournalStale: journal.isClean,
  })
  const { identity, state, end, segments, foreignBytes, stateBytes } = found
  const isOurs = identity !== undefined || state !== undefined || end > 0 || segments.length > 0
  const segmentBytes = segments.reduce((sum, segment) => sum + segment.heldBytes, 0)
  const claimed = isOurs ? Math.max(LOG_RESERVE_BYTES, stateBytes * 2) : 0
  return { channel, found, heldBytes: segmentBytes + foreignBytes + claimed, isOurs }
}

/** Of the journal and of all channels. A directory that can't be listed counts nothing. */
export async function bytesOfLogs(files: FileLayer, directory: string): Promise<number> {
  const channels = join(directory, 'channels')
  const names = (await files.list(channels)).map(({ name }) => join(channels, name))
  let sum = 0
  for (const path of [join(directory, 'journal'), ...names]) sum += await bytesIn(files, path)
  return sum
}

async function bytesIn(files: FileLayer, directory: string): Promise<number> {
  const entries = await files.list(directory).catch(() => [])
  return entries.reduce((sum, { bytes }) => sum + bytes, 0)
}

async function quarantineDamage(
  { files, quarantine }: StoreRecoveryOptions,
  { slot, position, bytes, header }: SlotDamage,
): Promise<void> {
  const content = await readBytes(files, slot.path, position, bytes)
  const what = `${bytes} bytes of the journal do not match their checksum.`
  const offsets =
    header === undefined
      ? undefined
      : { from: header.firstOffset, to: header.firstOffset + header.count }
  const place = { channel: JOURNAL_NAME, file: basename(slot.path), position, bytes }
  await quarantine.keep({ ...place, offsets, what }, content)
}

async function readBytes(files: FileLayer, path: string, position: number, bytes: number) {
  const content = Buffer.alloc(Math.min(bytes, MAX_KEPT_BYTES))
  const file = await files.open(path, 'read')
  try {
    return content.subarray(0, await file.read(content, content.length, position))
  } catch {
    return Buffer.alloc(0)
  } finally {
    await file.close()
  }
}
