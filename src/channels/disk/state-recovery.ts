/**
 * Reads a log's state file when its directory is taken into use. A damaged one goes to quarantine,
 * and so does one of another log: its positions say nothing about these messages. Readers then go on
 * from the positions that the journal has, or start over: it is better to deliver messages twice than
 * never.
 */
import { join } from 'node:path'
import type { FileLayer } from './files/file-layer.ts'
import type { Quarantine } from './files/quarantine.ts'
import type { LogIdentity } from './format/frame.ts'
import { decodeState, readStateFile, STATE_NAME, type StoredState } from './format/state-file.ts'
import type { Segment } from './segments/segment.ts'
import { identityOfSegments } from './segments/segment-listing.ts'

export interface StateRecoveryOptions {
  readonly files: FileLayer
  readonly directory: string
  readonly channel: string
  readonly quarantine: Quarantine
  /** Of the log, as the journal names it; undefined if the journal does not know the channel. */
  readonly identity: LogIdentity | undefined
  readonly segments: readonly Segment[]
}

export interface RecoveredState {
  /** Undefined if there is none that can be used. */
  readonly state: StoredState | undefined
  readonly bytes: number
}

const NOTHING: RecoveredState = { state: undefined, bytes: 0 }

/**
 * @throws a system error when files can't be read, or if all of the directory belongs to another
 *   channel: what is in it must not be given up as damage
 */
export async function recoverState(options: StateRecoveryOptions): Promise<RecoveredState> {
  const bytes = await readStateFile(options.files, options.directory)
  if (bytes === undefined) return NOTHING
  const state = decodeState(bytes)
  if (state === undefined) {
    await giveUp(options, bytes, 'does not match its checksum')
    return NOTHING
  }
  if (await isForeign(options, state.log)) {
    await giveUp(options, bytes, 'belongs to another channel')
    return NOTHING
  }
  return { state, bytes: bytes.length }
}

async function isForeign(
  { files, directory, identity, segments }: StateRecoveryOptions,
  named: LogIdentity | undefined,
): Promise<boolean> {
  if (named === undefined || isSame(named, identity)) return false
  // One file is enough to see that they belong together, however many segments there are.
  const newest = await identityOfSegments(files, segments.slice(-1))
  if (identity === undefined && (newest === undefined || isSame(named, newest))) return false
  const most = await identityOfSegments(files, segments)
  if (identity === undefined) return most !== undefined && !isSame(named, most)
  if (isSame(named, most)) throw foreignDirectory(directory)
  return true
}

function isSame(one: LogIdentity, other: LogIdentity | undefined): boolean {
  return one.id === other?.id && one.key === other.key
}

function foreignDirectory(directory: string): Error {
  const message = `the files belong to another channel, as if its directory had been moved or copied to ${directory}`
  return Object.assign(new Error(message), { code: 'EINVAL' })
}

async function giveUp(
  { files, directory, channel, quarantine }: StateRecoveryOptions,
  bytes: Buffer,
  why: string,
): Promise<void> {
  const what = `The file with the reader positions ${why}; readers go on from the positions in the journal, or start over.`
  const report = { channel, file: STATE_NAME, position: 0, bytes: bytes.length, what }
  await quarantine.keep({ ...report, offsets: undefined }, bytes)
  await files.remove(join(directory, STATE_NAME))
}
