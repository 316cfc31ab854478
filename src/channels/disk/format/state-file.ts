/**
 * The file `cursors` beside a channel's segments: the positions of its readers, as JSON with a
 * checksum.
 *
 *     crc32 of the JSON, 8 hex digits │ space │ JSON │ newline
 *
 * It is replaced as a whole: written to `cursors.tmp`, synced, renamed.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { ChannelState } from '../../log/channel-log.ts'
import type { FileLayer } from '../files/file-layer.ts'
import { readSmallFile, writeSmallFile } from '../files/small-file.ts'

export const STATE_NAME = 'cursors'
export const STATE_TEMPORARY_NAME = 'cursors.tmp'

/** A channel's state, and the log's own. Earlier versions wrote the channel's state alone. */
export interface StoredState extends ChannelState {
  readonly log?: {
    readonly id: number
    readonly key: number
    /** Messages below are not needed any more, and may not have been kept. */
    readonly released: number
    /** The offset after the last message. */
    readonly end: number
    /** False if nobody has read the log yet: then the channel's state says nothing. */
    readonly hasState: boolean
  }
}

export function encodeState(state: StoredState): Buffer {
  const json = JSON.stringify(state)
  return Buffer.from(`${crc32(json).toString(16).padStart(8, '0')} ${json}\n`)
}

/** Undefined if `encodeState` did not make the bytes. */
export function decodeState(bytes: Buffer): StoredState | undefined {
  const text = bytes.toString('utf8')
  const json = text.slice(9, -1)
  if (text.slice(0, 9) !== `${crc32(json).toString(16).padStart(8, '0')} `) return undefined
  try {
    const value: unknown = JSON.parse(json)
    return isState(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The checksum matches, so only another program can have written a wrong shape. */
export function isState(value: unknown): value is StoredState {
  if (typeof value !== 'object' || value === null) return false
  const { version, cursors, refused } = value as Partial<Record<keyof ChannelState, unknown>>
  return version === 1 && isRecord(cursors) && isRecord(refused)
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

/** The bytes of the state file; undefined if there is none. */
export function readStateFile(files: FileLayer, directory: string): Promise<Buffer | undefined> {
  return readSmallFile(files, join(directory, STATE_NAME))
}

/** Replaces the state file. The new name is durable once the directory is synced. */
export async function writeStateFile(
  files: FileLayer,
  directory: string,
  bytes: Buffer,
): Promise<void> {
  const temporary = join(directory, STATE_TEMPORARY_NAME)
  await writeSmallFile(files, temporary, bytes)
  await files.rename(temporary, join(directory, STATE_NAME))
}

/** The highest offset that the state knows to have existed. */
export function highestOffset(state: StoredState): number {
  let highest = Math.max(state.end ?? 0, state.log?.end ?? 0)
  for (const cursor of Object.values(state.cursors)) {
    highest = Math.max(highest, cursor.position, cursor.settled.at(-1)?.to ?? 0)
  }
  return highest
}
