/**
 * What the journal says about a log: its name, its identity, its end, and the positions of its
 * readers. A slot has the entry of each log before that log's first frame, so that it can be read
 * by itself. The newest entry counts.
 *
 *      0  crc       CRC-32 of everything that follows
 *      4  id, key   the log's identity, 4 bytes each
 *     12  released  messages below are not needed any more (48 bits)
 *     18  end       the offset after the last message when this was written (48 bits)
 *     24  name      length (1), then the channel's name
 *         state     ChannelState as JSON; empty if there is none
 */
import { crc32 } from 'node:zlib'
import type { ChannelState } from '../../log/channel-log.ts'
import type { LogIdentity } from '../format/frame.ts'
import { isOffset, isState } from '../format/state-shape.ts'

const NAME_AT = 24
/** It becomes part of a path. */
const LOG_NAME = /^[A-Za-z0-9_]{1,128}$/

/** Whether a log can have this name: a channel's, or that of a log that is no channel. */
export function isLogName(name: string): boolean {
  return LOG_NAME.test(name)
}

export interface LogEntry {
  readonly name: string
  readonly identity: LogIdentity
  readonly released: number
  readonly end: number
  readonly state: ChannelState | undefined
}

export function encodeLogEntry(entry: LogEntry): Buffer {
  const name = Buffer.from(entry.name)
  const state = entry.state === undefined ? '' : JSON.stringify(entry.state)
  const stateAt = NAME_AT + 1 + name.length
  const bytes = Buffer.allocUnsafe(stateAt + Buffer.byteLength(state))
  bytes.writeUInt32LE(entry.identity.id, 4)
  bytes.writeUInt32LE(entry.identity.key, 8)
  bytes.writeUIntLE(entry.released, 12, 6)
  bytes.writeUIntLE(entry.end, 18, 6)
  bytes[NAME_AT] = name.length
  name.copy(bytes, NAME_AT + 1)
  bytes.write(state, stateAt)
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
  return bytes
}

/** Updates an encoded entry in which only these two have changed. */
export function updateLogEntry(bytes: Buffer, released: number, end: number): void {
  bytes.writeUIntLE(released, 12, 6)
  bytes.writeUIntLE(end, 18, 6)
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
}

/** Undefined if `encodeLogEntry` did not make the bytes. */
export function decodeLogEntry(bytes: Buffer): LogEntry | undefined {
  if (bytes.length < NAME_AT + 1 || bytes.readUInt32LE(0) !== crc32(bytes.subarray(4))) {
    return undefined
  }
  const stateAt = NAME_AT + 1 + (bytes[NAME_AT] ?? 0)
  if (stateAt > bytes.length) return undefined
  const name = bytes.toString('latin1', NAME_AT + 1, stateAt)
  const released = bytes.readUIntLE(12, 6)
  const end = bytes.readUIntLE(18, 6)
  if (!isLogName(name) || !isOffset(released) || !isOffset(end)) return undefined
  return {
    name,
    identity: { id: bytes.readUInt32LE(4), key: bytes.readUInt32LE(8) },
    released,
    end,
    state: stateOf(bytes.toString('utf8', stateAt)),
  }
}

/** A correct checksum around a wrong shape is treated as damage. */
function stateOf(json: string): ChannelState | undefined {
  try {
    const state: unknown = json === '' ? undefined : JSON.parse(json)
    return isState(state) ? state : undefined
  } catch {
    return undefined
  }
}
