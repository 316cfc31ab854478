/**
 * A frame: the messages that one commit wrote to one log; a large commit takes several frames. All
 * numbers are little-endian.
 *
 *      0  magic       'IAL1'; the digit is the format's version
 *      4  headerCrc   CRC-32 of bytes 8 to 43
 *      8  bodyCrc     CRC-32 of the body
 *     12  bodyBytes
 *     16  count       records in the body; 0 in the frame that opens a segment. The highest bit
 *                     is set in all but the first frame of a commit
 *     20  id          the log's id, which message ids show
 *     24  key         the log's key, which nothing shows
 *     28  first       offset of the first record (48 bits)
 *     34  time        receivedAt of the first record (48 bits)
 *     40  newest      milliseconds from `time` to the newest receivedAt in the frame
 *     44  body        records, see record.ts
 *
 * The header has a checksum of its own, so that it still says how many messages were in a damaged
 * body and where the next frame begins. The key is random: while searching behind damage, a payload
 * that looks like a frame can't be mistaken for a frame of this log.
 */
import { randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { MAX_OFFSET } from './state-shape.ts'

export const FRAME_HEADER_BYTES = 44
const MAGIC = Buffer.from('IAL1', 'latin1').readUInt32LE(0)
/** Where a header has the identity of its log. */
export const IDENTITY_AT = 20
const CONTINUES = 0x8000_0000
/** No frame is larger: a length beyond it is damage. */
const MAX_BODY_BYTES = 64 * 1024 * 1024
/** Flags, and the length of a payload. A frame that names more records than fit is damage. */
const SMALLEST_RECORD_BYTES = 2

/** Distinguishes a log's frames from those of all other logs. Both are 32-bit numbers. */
export interface LogIdentity {
  readonly id: number
  readonly key: number
}

/** For a new log. */
export function newIdentity(): LogIdentity {
  return { id: randomInt(2 ** 32), key: randomInt(2 ** 32) }
}

/** No frame has it: for a log whose identity is lost, so that all of its frames are damage. */
export const UNKNOWN_IDENTITY: LogIdentity = { id: -1, key: -1 }

export interface FrameHeader {
  readonly identity: LogIdentity
  readonly bodyBytes: number
  readonly count: number
  readonly firstOffset: number
  readonly firstReceivedAt: number
  readonly newestReceivedAt: number
  /** It belongs to the commit of the frame before it, so it does not prove that one complete. */
  readonly isContinuation: boolean
}

/** Eight hexadecimal digits, as in `ChannelLog.id`. */
export function logIdText(identity: LogIdentity): string {
  return identity.id.toString(16).padStart(8, '0')
}

/** Writes the header of a frame whose body is already at `position + 44`. */
export function sealFrame(into: Buffer, position: number, header: FrameHeader): void {
  const body = position + FRAME_HEADER_BYTES
  into.writeUInt32LE(MAGIC, position)
  into.writeUInt32LE(crc32(into.subarray(body, body + header.bodyBytes)), position + 8)
  into.writeUInt32LE(header.bodyBytes, position + 12)
  into.writeUInt32LE(header.count + (header.isContinuation ? CONTINUES : 0), position + 16)
  into.writeUInt32LE(header.identity.id, position + IDENTITY_AT)
  into.writeUInt32LE(header.identity.key, position + IDENTITY_AT + 4)
  into.writeUIntLE(header.firstOffset, position + 28, 6)
  into.writeUIntLE(header.firstReceivedAt, position + 34, 6)
  into.writeUInt32LE(header.newestReceivedAt - header.firstReceivedAt, position + 40)
  sealHeader(into, position)
}

/** Gives a sealed frame another first offset, when messages move down after a failed commit. */
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

/** The identity as a header has it. */
export function identityBytes({ id, key }: LogIdentity): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(id, 0)
  bytes.writeUInt32LE(key, 4)
  return bytes
}

/** Bytes of the frame at `position`, header included. The frame must be intact. */
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
 * The header at `position`, which must have 44 bytes; undefined if it is damaged, not a header, or
 * of another log than `identity` (if that is given). The checksum comes last, because a search
 * through a payload can meet millions of places that look like a header.
 */
export function readHeader(
  buffer: Buffer,
  position: number,
  identity: LogIdentity | undefined,
): FrameHeader | undefined {
  if (buffer.readUInt32LE(position) !== MAGIC) return undefined
  const id = buffer.readUInt32LE(position + IDENTITY_AT)
  const key = buffer.readUInt32LE(position + IDENTITY_AT + 4)
  if (identity !== undefined && (id !== identity.id || key !== identity.key)) return undefined
  const bodyBytes = buffer.readUInt32LE(position + 12)
  const count = frameCountAt(buffer, position)
  const firstOffset = frameFirstOffsetAt(buffer, position)
  if (bodyBytes > MAX_BODY_BYTES || count * SMALLEST_RECORD_BYTES > bodyBytes) return undefined
  if (firstOffset + count > MAX_OFFSET) return undefined
  const crc = crc32(buffer.subarray(position + 8, position + FRAME_HEADER_BYTES))
  if (crc !== buffer.readUInt32LE(position + 4)) return undefined
  return {
    identity: { id, key },
    bodyBytes,
    count,
    firstOffset,
    firstReceivedAt: frameTimeAt(buffer, position),
    newestReceivedAt: frameNewestAt(buffer, position),
    isContinuation: buffer.readUInt32LE(position + 16) >= CONTINUES,
  }
}

/** Whether the body behind the header at `position` matches its checksum. */
export function isBodyIntact(buffer: Buffer, position: number, header: FrameHeader): boolean {
  const body = position + FRAME_HEADER_BYTES
  return crc32(buffer.subarray(body, body + header.bodyBytes)) === buffer.readUInt32LE(position + 8)
}
