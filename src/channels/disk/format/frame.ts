/**
 * A frame: what one commit wrote to one log (a large commit takes several). All numbers little-endian.
 *
 *      0  magic       'IAL1'; the digit is the format's version
 *      4  headerCrc   CRC-32 of bytes 8 to 43
 *      8  bodyCrc     CRC-32 of the body
 *     12  bodyBytes
 *     16  count       records in the body; 0 in the frame that opens a segment. The highest bit is set
 *                     in all but the first frame of a commit
 *     20  id          the log's id, which message ids show
 *     24  key         the log's key, which nothing shows
 *     28  first       offset of the first record (48 bits)
 *     34  time        receivedAt of the first record (48 bits)
 *     40  newest      milliseconds from `time` to the newest receivedAt in the frame
 *     44  body        records, see record.ts
 *
 * The header has a checksum of its own so that with a damaged body it is still known how many
 * messages were in it, and where the next frame begins. The key is random: a payload that
 * contains something like a frame of this log can't be taken for one when damage is searched.
 */
import { crc32 } from 'node:zlib'

export const FRAME_HEADER_BYTES = 44
export const FRAME_MAGIC = Buffer.from('IAL1', 'latin1')
const MAGIC = FRAME_MAGIC.readUInt32LE(0)
const CONTINUES = 0x8000_0000
/** Larger than any frame that is ever written; a length beyond it is damage. */
const MAX_BODY_BYTES = 64 * 1024 * 1024
export const MAX_NEWEST_DELTA_MS = 0xffff_ffff

/** What tells a log's frames from those of any other. Both are 32-bit numbers. */
export interface LogIdentity {
  readonly id: number
  readonly key: number
}

export interface FrameHeader {
  readonly identity: LogIdentity
  readonly bodyBytes: number
  readonly count: number
  readonly firstOffset: number
  readonly firstReceivedAt: number
  readonly newestReceivedAt: number
  /** It was written by the commit of the frame before it: that it is there proves nothing of that one. */
  readonly isContinuation: boolean
}

/** Eight hexadecimal digits, as `ChannelLog.id` wants them. */
export function logIdText(identity: LogIdentity): string {
  return identity.id.toString(16).padStart(8, '0')
}

/** Fills in the header of a frame whose body is already in place at `position + 44`. */
export function sealFrame(into: Buffer, position: number, header: FrameHeader): void {
  const body = position + FRAME_HEADER_BYTES
  into.writeUInt32LE(MAGIC, position)
  into.writeUInt32LE(crc32(into.subarray(body, body + header.bodyBytes)), position + 8)
  into.writeUInt32LE(header.bodyBytes, position + 12)
  into.writeUInt32LE(header.count + (header.isContinuation ? CONTINUES : 0), position + 16)
  into.writeUInt32LE(header.identity.id, position + 20)
  into.writeUInt32LE(header.identity.key, position + 24)
  into.writeUIntLE(header.firstOffset, position + 28, 6)
  into.writeUIntLE(header.firstReceivedAt, position + 34, 6)
  into.writeUInt32LE(header.newestReceivedAt - header.firstReceivedAt, position + 40)
  sealHeader(into, position)
}

/** Gives a sealed frame another first offset: for what moves down after a failed commit. */
export function moveFrame(into: Buffer, position: number, firstOffset: number): void {
  into.writeUIntLE(firstOffset, position + 28, 6)
  sealHeader(into, position)
}

function sealHeader(into: Buffer, position: number): void {
  into.writeUInt32LE(
    crc32(into.subarray(position + 8, position + FRAME_HEADER_BYTES)),
    position + 4,
  )
}

/** The frame that opens a segment: no records, only identity, base offset and time. */
export function openingFrame(identity: LogIdentity, base: number, time: number): Buffer {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES)
  const at = Math.max(0, Math.floor(time))
  sealFrame(frame, 0, {
    identity,
    bodyBytes: 0,
    count: 0,
    firstOffset: base,
    firstReceivedAt: at,
    newestReceivedAt: at,
    isContinuation: false,
  })
  return frame
}

/** Bytes of the frame at `position`, header included. Only for frames known to be good. */
export function frameBytesAt(buffer: Buffer, position: number): number {
  return FRAME_HEADER_BYTES + buffer.readUInt32LE(position + 12)
}

export function frameCountAt(buffer: Buffer, position: number): number {
  return buffer.readUInt32LE(position + 16) % CONTINUES
}

export function frameFirstOffsetAt(buffer: Buffer, position: number): number {
  return buffer.readUIntLE(position + 28, 6)
}

export function frameTimeAt(buffer: Buffer, position: number): number {
  return buffer.readUIntLE(position + 34, 6)
}

export function frameNewestAt(buffer: Buffer, position: number): number {
  return frameTimeAt(buffer, position) + buffer.readUInt32LE(position + 40)
}

/**
 * The header at `position`, where 44 bytes must be; undefined when it is none, is damaged, or
 * belongs to another log than `identity` (when that is known).
 */
export function readHeader(
  buffer: Buffer,
  position: number,
  identity: LogIdentity | undefined,
): FrameHeader | undefined {
  if (buffer.readUInt32LE(position) !== MAGIC) return undefined
  const crc = crc32(buffer.subarray(position + 8, position + FRAME_HEADER_BYTES))
  if (crc !== buffer.readUInt32LE(position + 4)) return undefined
  const found = { id: buffer.readUInt32LE(position + 20), key: buffer.readUInt32LE(position + 24) }
  if (identity !== undefined && (found.id !== identity.id || found.key !== identity.key)) {
    return undefined
  }
  const bodyBytes = buffer.readUInt32LE(position + 12)
  if (bodyBytes > MAX_BODY_BYTES) return undefined
  return {
    identity: found,
    bodyBytes,
    count: frameCountAt(buffer, position),
    firstOffset: frameFirstOffsetAt(buffer, position),
    firstReceivedAt: frameTimeAt(buffer, position),
    newestReceivedAt: frameNewestAt(buffer, position),
    isContinuation: buffer.readUInt32LE(position + 16) >= CONTINUES,
  }
}

/** Whether the body that follows the header at `position` is as it was written. */
export function isBodyIntact(buffer: Buffer, position: number, header: FrameHeader): boolean {
  const body = position + FRAME_HEADER_BYTES
  return crc32(buffer.subarray(body, body + header.bodyBytes)) === buffer.readUInt32LE(position + 8)
}
