/**
 * The bytes of deferred packets, in the order they arrived. One buffer for all of them:
 *
 *     │ body length (4) │ first byte (1) │ body │ body length │ …
 */
import type { FrameHandler } from '../packets/frame-reader.ts'

const HEAD_BYTES = 5
const FIRST_BYTES = 4_096
const EMPTY = Buffer.alloc(0)

export class DeferredFrames {
  #buffer: Buffer = EMPTY
  #start = 0
  #end = 0
  /** Where the packet begins that was handed on last. */
  #lastStart = 0
  /** The number of packets that the present `drain` has handed on. */
  #handedOn = 0

  get isEmpty(): boolean {
    return this.#start === this.#end
  }

  /** Whether the last `drain` has handed on a packet that was not put back. */
  get hasHandedOn(): boolean {
    return this.#handedOn > 0
  }

  get bytes(): number {
    return this.#end - this.#start
  }

  add(first: number, bytes: Buffer, start: number, end: number): void {
    const length = end - start
    this.#makeRoom(HEAD_BYTES + length)
    this.#buffer.writeUInt32BE(length, this.#end)
    this.#buffer[this.#end + 4] = first
    bytes.copy(this.#buffer, this.#end + HEAD_BYTES, start, end)
    this.#end += HEAD_BYTES + length
  }

  /** Hands the packets on until `isBlocked` returns true or the handler returns false. */
  drain(handler: FrameHandler, isBlocked: () => boolean): void {
    this.#handedOn = 0
    // The handler reads from the buffer, so nothing may be added while it runs.
    while (this.#start < this.#end && !isBlocked()) {
      const length = this.#buffer.readUInt32BE(this.#start)
      const first = this.#buffer[this.#start + 4] ?? 0
      const body = this.#start + HEAD_BYTES
      this.#lastStart = this.#start
      this.#handedOn += 1
      this.#start = body + length
      if (!handler.frame(first, this.#buffer, body, body + length)) break
    }
    if (this.isEmpty) this.clear()
  }

  /**
   * For the handler: the packet that was just handed on stays the first one. Returns whether it was
   * the first before this `drain`.
   */
  putBack(): boolean {
    this.#start = this.#lastStart
    this.#handedOn -= 1
    return this.#handedOn === 0
  }

  clear(): void {
    this.#buffer = EMPTY
    this.#start = 0
    this.#end = 0
  }

  #makeRoom(needed: number): void {
    if (this.#end + needed <= this.#buffer.length) return
    const held = this.bytes
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * held, held + needed))
    this.#buffer.copy(grown, 0, this.#start, this.#end)
    this.#buffer = grown
    this.#start = 0
    this.#end = held
  }
}
