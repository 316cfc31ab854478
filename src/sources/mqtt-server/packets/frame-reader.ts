/**
 * Cuts a connection's byte stream into MQTT packets. A packet that is complete within a chunk is
 * handed on in place; only a packet that spans chunks is assembled in a buffer of its own.
 *
 *     first byte │ remaining length (1–4 bytes, 7 bits each, low first) │ body
 *     type flags │                                                      │ start … end
 */
import { MAX_VARIABLE_BYTES, ReasonCode } from './protocol.ts'
import { ProtocolViolation } from './protocol-violation.ts'

export interface FrameHandler {
  /**
   * Receives one whole packet: its first byte, and where its body is. The bytes are valid only
   * until it returns. Returns false if it will never want another packet.
   */
  frame(first: number, bytes: Buffer, start: number, end: number): boolean
}

const EMPTY = Buffer.alloc(0)

export class FrameReader {
  readonly #handler: FrameHandler
  /** Longer packets are refused as soon as their length is known. */
  readonly #maxPacketBytes: number
  /** The bound of the next packet: the first one may have another. */
  #maxBytes: number
  /** The first bytes of a packet that is not complete: `partial[0, filled)`. */
  #partial: Buffer = EMPTY
  #filled = 0
  #partials = 0
  #isClosed = false

  constructor(handler: FrameHandler, maxPacketBytes: number, maxFirstBytes = maxPacketBytes) {
    this.#handler = handler
    this.#maxPacketBytes = maxPacketBytes
    this.#maxBytes = maxFirstBytes
  }

  /** The memory that a packet takes that has arrived in part. */
  get partialBytes(): number {
    return this.#partial.length
  }

  /** How many packets have arrived in part. */
  get partials(): number {
    return this.#partials
  }

  /** No packet is wanted any more. */
  close(): void {
    this.#isClosed = true
    this.#partial = EMPTY
    this.#filled = 0
  }

  /** Throws ProtocolViolation if the bytes can't be MQTT or a packet is too long. */
  push(chunk: Buffer): void {
    let at = 0
    if (this.#filled > 0) {
      at = this.#complete(chunk)
      if (at < 0) return
    }
    const length = chunk.length
    while (at < length && !this.#isClosed) {
      const headerEnd = this.#headerEnd(chunk, at, length)
      if (headerEnd < 0) break
      const end = headerEnd + remainingLength(chunk, at + 1, headerEnd)
      this.#check(end - at)
      if (end > length) break
      this.#maxBytes = this.#maxPacketBytes
      if (!this.#handler.frame(chunk[at] ?? 0, chunk, headerEnd, end)) this.#isClosed = true
      at = end
    }
    if (at < length && !this.#isClosed) this.#keep(chunk, at)
  }

  /**
   * Completes the packet that began in an earlier chunk. Returns where the next packet begins, or
   * -1 if more bytes are needed.
   */
  #complete(chunk: Buffer): number {
    let at = 0
    let headerEnd = this.#headerEnd(this.#partial, 0, this.#filled)
    while (headerEnd < 0) {
      if (at === chunk.length) return -1
      this.#partial[this.#filled++] = chunk[at++] ?? 0
      headerEnd = this.#headerEnd(this.#partial, 0, this.#filled)
    }
    const end = headerEnd + remainingLength(this.#partial, 1, headerEnd)
    this.#check(end)
    const copied = Math.min(end - this.#filled, chunk.length - at)
    this.#makeRoom(this.#filled + copied, end)
    chunk.copy(this.#partial, this.#filled, at, at + copied)
    this.#filled += copied
    if (this.#filled < end) return -1

    const packet = this.#partial
    this.#maxBytes = this.#maxPacketBytes
    this.#partial = EMPTY
    this.#filled = 0
    if (!this.#handler.frame(packet[0] ?? 0, packet, headerEnd, end)) this.#isClosed = true
    return at + copied
  }

  #keep(chunk: Buffer, at: number): void {
    this.#partials++
    const available = chunk.length - at
    this.#partial = Buffer.allocUnsafeSlow(Math.max(available, 1 + MAX_VARIABLE_BYTES))
    this.#filled = chunk.copy(this.#partial, 0, at)
  }

  /**
   * Grows with the bytes received, not to the length that a header announces: announcing a long
   * packet costs a sender nothing.
   */
  #makeRoom(needed: number, whole: number): void {
    if (needed <= this.#partial.length) return
    const grown = Buffer.allocUnsafeSlow(
      Math.max(needed, Math.min(whole, 2 * this.#partial.length)),
    )
    this.#partial.copy(grown, 0, 0, this.#filled)
    this.#partial = grown
  }

  /** Where the body begins, or -1 while the header is incomplete. */
  #headerEnd(bytes: Buffer, start: number, available: number): number {
    if ((bytes[start] ?? 0) < 0x10) {
      throw new ProtocolViolation('packet of type 0', ReasonCode.protocolError)
    }
    for (let i = start + 1; i < available; i++) {
      if ((bytes[i] ?? 0) < 0x80) return i + 1
      if (i - start >= MAX_VARIABLE_BYTES) {
        throw new ProtocolViolation('remaining length takes more than four bytes')
      }
    }
    return -1
  }

  #check(packetBytes: number): void {
    if (packetBytes <= this.#maxBytes) return
    const first = this.#maxBytes === this.#maxPacketBytes ? '' : 'first '
    throw new ProtocolViolation(
      `expected a ${first}packet of at most ${this.#maxBytes} bytes, got ${packetBytes}`,
      ReasonCode.packetTooLarge,
    )
  }
}

function remainingLength(bytes: Buffer, start: number, end: number): number {
  let value = 0
  for (let i = end - 1; i >= start; i--) value = value * 128 + ((bytes[i] ?? 0) & 0x7f)
  return value
}
