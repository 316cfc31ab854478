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
import { isOffset, isState } from './state-shape.ts'

export const STATE_NAME = 'cursors'
export const STATE_TEMPORARY_NAME = 'cursors.tmp'
/** A cursor takes a few hundred bytes, and 40 for each of its gaps. A longer file is damage. */
export const MAX_STATE_BYTES = 16 * 1024 * 1024

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
  if (bytes.length > MAX_STATE_BYTES) return undefined
  const text = bytes.toString('utf8')
  const json = text.slice(9, -1)
  if (text.slice(0, 9) !== `${crc32(json).toString(16).padStart(8, '0')} `) return undefined
  try {
    const value: unknown = JSON.parse(json)
    return isState(value) && hasLogOfRightShape(value) ? value : undefined
  } catch {
    return undefined
  }
}

function hasLogOfRightShape(state: object): state is Pick<StoredState, 'log'> {
  const { log } = state as { readonly log?: unknown }
  if (log === undefined) return true
  if (typeof log !== 'object' || log === null) return false
  const { id, key, released, end, hasState } = log as Record<string, unknown>
  return [id, key].every(isUint32) && isOffset(released) && isOffset(end) && isBoolean(hasState)
}

function isUint32(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean'
}

/**
 * The bytes of the state file, not many more than `MAX_STATE_BYTES`; undefined if there is none.
 */
export function readStateFile(files: FileLayer, directory: string): Promise<Buffer | undefined> {
  return readSmallFile(files, join(directory, STATE_NAME), MAX_STATE_BYTES)
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
