/**
 * Cuts a connection's byte stream into frames. A frame that is complete within a chunk is read in
 * place; a frame that spans chunks is assembled in a buffer of its own. A prelude is checked before
 * memory is taken for the frame.
 *
 * A frame that is too long is skipped, for ending the connection would let one publisher cut off
 * all others. A wrong checksum means that the place where the next frame begins is unknown: the
 * reader throws, and the connection must end.
 */
import { crc32 } from 'node:zlib'
import { decodeFrame, type Frame, frameBytesAt, PRELUDE_BYTES, violation } from './frame.ts'

export interface FrameHandler {
  /** The frame's payload is valid only until this returns. */
  frame(frame: Frame): void
  /** A frame above the bound was skipped. */
  skipped(frameBytes: number): void
}

const CRC_BYTES = 4
const EMPTY = Buffer.alloc(0)

export class FrameReader {
  readonly #handler: FrameHandler
  readonly #maxFrameBytes: number
  /** The first bytes of a frame that is not complete: `partial[0, filled)`. */
  #partial: Buffer = EMPTY
  #filled = 0
  readonly #skip = { frameBytes: 0, left: 0, crc: 0, expectedCrc: 0 }
  #isClosed = false

  constructor(handler: FrameHandler, maxFrameBytes: number) {
    this.#handler = handler
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Whether the stream stops within a frame. */
  get isWithinFrame(): boolean {
    return this.#filled > 0 || this.#skip.left > 0
  }

  /** No frame is wanted any more. */
  close(): void {
    this.#isClosed = true
    this.#partial = EMPTY
    this.#filled = 0
    this.#skip.left = 0
  }

  /** @throws {IpcError} if the bytes can't be frames. The reader is closed then. */
  push(chunk: Buffer): void {
    try {
      for (let at = 0; at < chunk.length && !this.#isClosed; ) at = this.#take(chunk, at)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Takes bytes from `at` on. Returns where the bytes begin that are not taken yet. */
  #take(chunk: Buffer, at: number): number {
    if (this.#skip.left > 0) return this.#skipBytes(chunk, at)
    if (this.#filled > 0 || chunk.length - at < PRELUDE_BYTES) return this.#assemble(chunk, at)
    const frameBytes = frameBytesAt(chunk, at)
    if (frameBytes > this.#maxFrameBytes) return this.#startToSkip(frameBytes, at)
    if (frameBytes > chunk.length - at) return this.#startToAssemble(frameBytes, chunk, at)
    this.#handler.frame(decodeFrame(chunk.subarray(at, at + frameBytes)))
    return at + frameBytes
  }

  #startToAssemble(frameBytes: number, chunk: Buffer, at: number): number {
    this.#partial = Buffer.allocUnsafeSlow(frameBytes)
    return this.#fill(chunk, at)
  }

  /** Completes the prelude first, and then the frame of the length that it names. */
  #assemble(chunk: Buffer, at: number): number {
    if (this.#filled === 0) this.#partial = Buffer.allocUnsafeSlow(PRELUDE_BYTES)
    const next = this.#fill(chunk, at)
    if (this.#filled < this.#partial.length) return next

    const whole = this.#partial
    this.#partial = EMPTY
    this.#filled = 0
    // No frame is as short as a prelude.
    if (whole.length === PRELUDE_BYTES) this.#startAfter(whole)
    else this.#handler.frame(decodeFrame(whole))
    return next
  }

  #startAfter(prelude: Buffer): void {
    const frameBytes = frameBytesAt(prelude, 0)
    if (frameBytes <= this.#maxFrameBytes) {
      this.#startToAssemble(frameBytes, prelude, 0)
      return
    }
    this.#startToSkip(frameBytes, 0)
    this.#skipBytes(prelude, 0)
  }

  #fill(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#partial, this.#filled, at)
    this.#filled += copied
    return at + copied
  }

  #startToSkip(frameBytes: number, at: number): number {
    Object.assign(this.#skip, { frameBytes, left: frameBytes, crc: 0, expectedCrc: 0 })
    return at
  }

  /** Computes the checksum on the way: after a frame cut short, the next bytes are no frame. */
  #skipBytes(chunk: Buffer, at: number): number {
    const skip = this.#skip
    const end = Math.min(chunk.length, at + skip.left)
    const bodyEnd = Math.min(end, at + Math.max(0, skip.left - CRC_BYTES))
    skip.crc = crc32(chunk.subarray(at, bodyEnd), skip.crc)
    for (let i = bodyEnd; i < end; i++) skip.expectedCrc = skip.expectedCrc * 256 + (chunk[i] ?? 0)
    skip.left -= end - at
    if (skip.left > 0) return end
    if (skip.crc !== skip.expectedCrc) throw violation('a long frame with a wrong checksum')
    this.#handler.skipped(skip.frameBytes)
    return end
  }
}
