/**
 * Frames of the event-stream protocol, written for the test server alone, so that it does not share
 * the mistakes of the client under test.
 *
 * ```
 * u32 total length | u32 headers length | u32 CRC of these 8 bytes
 * headers … | payload … | u32 CRC of everything before it
 * ```
 */
import { crc32 } from 'node:zlib'

/** The ten types of headers, with the length of their values; `SIZED` values say it themselves. */
export const HeaderType = {
  true: 0,
  false: 1,
  int8: 2,
  int16: 3,
  int32: 4,
  int64: 5,
  bytes: 6,
  string: 7,
  timestamp: 8,
  uuid: 9,
} as const

const SIZED = -1
const VALUE_BYTES = [0, 0, 1, 2, 4, 8, SIZED, SIZED, 8, 16]

const PRELUDE_BYTES = 12
export const LEAST_FRAME_BYTES = 16

export interface Header {
  readonly name: string
  readonly type: number
  /** The value's bytes, without the length that `bytes` and `string` have before them. */
  readonly value: Buffer
}

export interface Frame {
  readonly headers: readonly Header[]
  readonly payload: Buffer
}

/** The bytes that came are no frame, or a frame that the reader does not take. */
export class FrameError extends Error {}

export function int32Header(name: string, value: number): Header {
  return { name, type: HeaderType.int32, value: u32(value >>> 0) }
}

export function stringHeader(name: string, value: string): Header {
  return { name, type: HeaderType.string, value: Buffer.from(value) }
}

export function encodeFrame({ headers, payload }: Frame): Buffer {
  const headerBytes = Buffer.concat(headers.map(encodeHeader))
  const total = LEAST_FRAME_BYTES + headerBytes.length + payload.length
  const lengths = Buffer.concat([u32(total), u32(headerBytes.length)])
  const body = Buffer.concat([lengths, u32(crc32(lengths)), headerBytes, payload])
  return Buffer.concat([body, u32(crc32(body))])
}

function encodeHeader({ name, type, value }: Header): Buffer {
  const length = VALUE_BYTES[type] === SIZED ? [value.length >> 8, value.length & 255] : []
  return Buffer.from([name.length, ...Buffer.from(name), type, ...length, ...value])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  readonly #maxBytes: number
  #pending = Buffer.alloc(0)

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * Yields the frames that are complete with this chunk.
   * @throws FrameError at the first byte that cannot be part of a frame
   */
  *push(chunk: Buffer): Generator<Frame> {
    this.#pending = Buffer.concat([this.#pending, chunk])
    while (this.#pending.length >= PRELUDE_BYTES) {
      const total = this.#checkedTotal()
      if (this.#pending.length < total) return
      const bytes = this.#pending.subarray(0, total)
      this.#pending = this.#pending.subarray(total)
      yield decodeFrame(bytes)
    }
  }

  #checkedTotal(): number {
    const bytes = this.#pending
    const total = bytes.readUInt32BE(0)
    if (bytes.readUInt32BE(8) !== crc32(bytes.subarray(0, 8))) throw new FrameError('prelude CRC')
    if (total > this.#maxBytes) throw new FrameError(`${total} bytes, above ${this.#maxBytes}`)
    if (bytes.readUInt32BE(4) > total - LEAST_FRAME_BYTES) throw new FrameError('headers length')
    return total
  }
}

/** Decodes one whole frame, whose prelude has been checked. */
export function decodeFrame(bytes: Buffer): Frame {
  const end = bytes.length - 4
  if (bytes.readUInt32BE(end) !== crc32(bytes.subarray(0, end))) throw new FrameError('frame CRC')
  const headersEnd = PRELUDE_BYTES + bytes.readUInt32BE(4)
  const headers: Header[] = []
  for (let at = PRELUDE_BYTES; at < headersEnd; ) {
    const { header, next } = decodeHeader(bytes.subarray(0, headersEnd), at)
    headers.push(header)
    at = next
  }
  return { headers, payload: bytes.subarray(headersEnd, end) }
}

function decodeHeader(bytes: Buffer, at: number): { header: Header; next: number } {
  const nameEnd = at + 1 + (bytes[at] ?? 0)
  const type = bytes[nameEnd] ?? VALUE_BYTES.length
  const fixed = VALUE_BYTES[type]
  if (fixed === undefined) throw new FrameError(`header type ${type}`)
  const start = nameEnd + (fixed === SIZED ? 3 : 1)
  if (start > bytes.length) throw new FrameError('a header that is cut')
  const next = start + (fixed === SIZED ? bytes.readUInt16BE(nameEnd + 1) : fixed)
  if (next > bytes.length) throw new FrameError('a header that is cut')
  const name = bytes.toString('utf8', at + 1, nameEnd)
  return { header: { name, type, value: bytes.subarray(start, next) }, next }
}
