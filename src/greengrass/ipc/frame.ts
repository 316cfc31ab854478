/**
 * Frames of AWS's event-stream encoding. All integers are big-endian; the checksums are CRC-32.
 *
 *     u32 total length │ u32 headers length │ u32 CRC of these 8 bytes │
 *     headers … │ payload … │ u32 CRC of everything before it
 *
 *     header: u8 name length │ name │ u8 type │ value
 *
 * Only headers of the types int32 and string have a meaning between a component and a nucleus, so
 * only these are written. A reader skips the other types.
 */
import { crc32 } from 'node:zlib'
import { IpcError } from './ipc-error.ts'

export type HeaderValue = number | string

export interface Frame {
  readonly headers: ReadonlyMap<string, HeaderValue>
  /** Shares the memory of the bytes that it was read from. */
  readonly payload: Buffer
}

export const PRELUDE_BYTES = 12
const CRC_BYTES = 4
const MIN_FRAME_BYTES = PRELUDE_BYTES + CRC_BYTES
/** Bounds of AWS's own implementation, which the classic nucleus uses. */
const MAX_NAME_BYTES = 127
const MAX_VALUE_BYTES = 32_767

const INT32 = 4
const BYTES = 6
const STRING = 7
/** How long the values of each type are, by its number; bytes and strings have a length field. */
const VALUE_BYTES = [0, 0, 1, 2, 4, 8, undefined, undefined, 8, 16]

/** The headers are written in their order; numbers as int32. */
export function encodeFrame(
  headers: Iterable<readonly [string, HeaderValue]>,
  payload: Uint8Array = new Uint8Array(0),
): Buffer {
  const encoded: Buffer[] = []
  let headersBytes = 0
  for (const [name, value] of headers) {
    const header = encodeHeader(name, value)
    encoded.push(header)
    headersBytes += header.length
  }
  const frame = Buffer.allocUnsafe(MIN_FRAME_BYTES + headersBytes + payload.length)
  frame.writeUInt32BE(frame.length, 0)
  frame.writeUInt32BE(headersBytes, 4)
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
  let at = PRELUDE_BYTES
  for (const header of encoded) at += header.copy(frame, at)
  frame.set(payload, at)
  const end = frame.length - CRC_BYTES
  frame.writeUInt32BE(crc32(frame.subarray(0, end)), end)
  return frame
}

function encodeHeader(name: string, value: HeaderValue): Buffer {
  const nameBytes = Buffer.from(name)
  const valueBytes = typeof value === 'number' ? int32(value) : lengthAndText(value)
  if (nameBytes.length === 0 || nameBytes.length > MAX_NAME_BYTES) {
    throw new RangeError(`expected a header name of 1 to ${MAX_NAME_BYTES} bytes, got "${name}"`)
  }
  const type = typeof value === 'number' ? INT32 : STRING
  return Buffer.concat([Buffer.of(nameBytes.length), nameBytes, Buffer.of(type), valueBytes])
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

function lengthAndText(value: string): Buffer {
  const length = Buffer.byteLength(value)
  if (length > MAX_VALUE_BYTES) {
    throw new RangeError(`expected a header of at most ${MAX_VALUE_BYTES} bytes, got ${length}`)
  }
  const bytes = Buffer.allocUnsafe(2 + length)
  bytes.writeUInt16BE(length)
  bytes.write(value, 2)
  return bytes
}

/**
 * The length of the frame that begins at `at`, where a prelude's bytes must be.
 * @throws {IpcError} if the prelude can't be one: nothing after it can be trusted
 */
export function frameBytesAt(bytes: Buffer, at: number): number {
  const total = bytes.readUInt32BE(at)
  const headers = bytes.readUInt32BE(at + 4)
  if (crc32(bytes.subarray(at, at + 8)) !== bytes.readUInt32BE(at + 8)) {
    throw violation('a frame whose prelude has a wrong checksum')
  }
  if (total < MIN_FRAME_BYTES || headers > total - MIN_FRAME_BYTES) {
    throw violation(`a frame of ${total} bytes with headers of ${headers} bytes`)
  }
  return total
}

/**
 * @param bytes one whole frame, whose prelude `frameBytesAt` has checked
 * @throws {IpcError} if its checksum or one of its headers is wrong
 */
export function decodeFrame(bytes: Buffer): Frame {
  const end = bytes.length - CRC_BYTES
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) {
    throw violation('a frame with a wrong checksum')
  }
  const headersEnd = PRELUDE_BYTES + bytes.readUInt32BE(4)
  return {
    headers: decodeHeaders(bytes.subarray(PRELUDE_BYTES, headersEnd)),
    payload: bytes.subarray(headersEnd, end),
  }
}

/** If a name occurs twice, the last one counts. */
function decodeHeaders(bytes: Buffer): ReadonlyMap<string, HeaderValue> {
  const headers = new Map<string, HeaderValue>()
  for (let at = 0; at < bytes.length; ) {
    const nameEnd = at + 1 + (bytes[at] ?? 0)
    const type = bytes[nameEnd] ?? -1
    const start = nameEnd + 1 + (type === BYTES || type === STRING ? 2 : 0)
    const length = VALUE_BYTES[type] ?? lengthBefore(bytes, start, type)
    if (length < 0 || start + length > bytes.length) throw violation('a frame with a cut header')
    const name = bytes.toString('utf8', at + 1, nameEnd)
    if (type === INT32) headers.set(name, bytes.readInt32BE(start))
    if (type === STRING) headers.set(name, bytes.toString('utf8', start, start + length))
    at = start + length
  }
  return headers
}

/** The length of bytes or a string; -1 if the headers end before, or the type is unknown. */
function lengthBefore(bytes: Buffer, start: number, type: number): number {
  if (start > bytes.length || (type !== BYTES && type !== STRING)) return -1
  return bytes.readUInt16BE(start - 2)
}

export function violation(what: string): IpcError {
  const message = `the nucleus sent ${what}, which its protocol does not allow`
  return new IpcError('ProtocolViolation', message)
}
