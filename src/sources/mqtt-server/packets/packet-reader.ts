/**
 * Reads the fields of one packet's body. Every method throws ProtocolViolation if the field would
 * run past the packet's end. All packets but PUBLISH, which is read in place, are read with it; so
 * are the records of the session store.
 */
import { isUtf8 } from 'node:buffer'
import { MAX_VARIABLE_BYTES } from './protocol.ts'
import { ProtocolViolation } from './protocol-violation.ts'

export class PacketReader {
  readonly bytes: Buffer
  position: number
  readonly end: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes
    this.position = start
    this.end = end
  }

  get isAtEnd(): boolean {
    return this.position >= this.end
  }

  byte(): number {
    return this.bytes[this.#advance(1)] ?? 0
  }

  uint16(): number {
    return this.bytes.readUInt16BE(this.#advance(2))
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.#advance(4))
  }

  double(): number {
    return this.bytes.readDoubleBE(this.#advance(8))
  }

  variableByteInteger(): number {
    let value = 0
    let multiplier = 1
    for (let i = 0; i < MAX_VARIABLE_BYTES; i++) {
      const byte = this.byte()
      value += (byte & 0x7f) * multiplier
      if (byte < 0x80) {
        // [MQTT-1.5.5-1]: the encoded value uses the fewest bytes that it needs.
        if (byte === 0 && i > 0) throw new ProtocolViolation('length with needless bytes')
        return value
      }
      multiplier *= 128
    }
    throw new ProtocolViolation('variable byte integer takes more than four bytes')
  }

  /** Returns a copy, because the bytes of a packet are valid only while it is handled. */
  binary(): Buffer {
    return this.bytesOf(this.uint16())
  }

  /** Returns a copy. */
  bytesOf(length: number): Buffer {
    const start = this.#advance(length)
    return ownBytes(this.bytes.subarray(start, start + length))
  }

  text(): string {
    const start = this.field()
    return readText(this.bytes, start, this.position)
  }

  /** Passes over a text or binary field. Returns where its bytes begin; they end at `position`. */
  field(): number {
    return this.#advance(this.uint16())
  }

  /** [MQTT-2.3.1-1] / [MQTT-2.2.1-3]: a packet identifier is never 0. */
  packetId(): number {
    const id = this.uint16()
    if (id === 0) throw new ProtocolViolation('packet identifier 0')
    return id
  }

  skip(bytes: number): void {
    this.#advance(bytes)
  }

  expectEnd(): void {
    if (!this.isAtEnd) throw new ProtocolViolation('bytes after the end of the packet')
  }

  #advance(bytes: number): number {
    const from = this.position
    if (from + bytes > this.end) throw new ProtocolViolation('packet ends in the middle of a field')
    this.position = from + bytes
    return from
  }
}

/**
 * Control characters and noncharacters. A receiver may refuse them (section 1.5.4), and names, logs
 * and receipts are better without them.
 */
const UNWANTED = /[\p{Cc}\p{Noncharacter_Code_Point}]/u

/** [MQTT-1.5.3-1/-2], [MQTT-1.5.4-1/-2]: well-formed UTF-8 without surrogates, and no U+0000. */
export function readText(bytes: Buffer, start: number, end: number): string {
  if (isPrintableAscii(bytes, start, end)) return bytes.toString('latin1', start, end)
  const field = bytes.subarray(start, end)
  if (!isUtf8(field)) throw new ProtocolViolation('text that is not well-formed UTF-8')
  const text = field.toString('utf8')
  if (UNWANTED.test(text)) throw new ProtocolViolation('text with control or non-characters in it')
  return text
}

/** Throws like `readText`, but makes no text: for what is only passed on. */
export function checkText(bytes: Buffer, start: number, end: number): void {
  if (!isPrintableAscii(bytes, start, end)) readText(bytes, start, end)
}

/** Most texts are short and ASCII: then this is faster than a call of native code. */
function isPrintableAscii(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? 0
    if (byte < 0x20 || byte > 0x7e) return false
  }
  return true
}

/**
 * A copy in memory of its own. Node cuts short buffers out of slabs of 8 KB, and a slab stays in
 * memory as long as any buffer cut from it: a buffer of 20 bytes that is held for long can cost 8
 * KB.
 */
export function ownBytes(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
