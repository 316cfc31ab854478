/**
 * The bytes of deferred packets, in the order they arrived. One buffer for all of them:
 *
 *     │ body length (4) │ first byte (1) │ body │ body length │ …
 *
 * The buffers of all connections together are bounded.
 */
import type { SharedBound } from '../limits/shared-bound.ts'
import type { FrameHandler } from '../packets/frame-reader.ts'

const HEAD_BYTES = 5
/** A buffer of this size is always allowed. */
const FIRST_BYTES = 4_096
const MOST_GROWTH_BYTES = 32_768
const EMPTY = Buffer.alloc(0)

export class DeferredFrames {
  readonly #bound: SharedBound
  #buffer: Buffer = EMPTY
  #start = 0
  #end = 0
  /** Where the packet begins that was handed on last. */
  #lastStart = 0
  /** The number of packets that the present `drain` has handed on. */
  #handedOn = 0

  constructor(bound: SharedBound) {
    this.#bound = bound
  }

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

  /** Whether the buffer takes more than half of what one connection may hold at present. */
  get isLarge(): boolean {
    const { length } = this.#buffer
    return length > FIRST_BYTES && 2 * length > this.#bound.share
  }

  /** Returns false if all connections together hold too much for this one to hold the packet. */
  add(first: number, bytes: Buffer, start: number, end: number): boolean {
    const length = end - start
    if (!this.#makeRoom(HEAD_BYTES + length)) return false
    const into = this.#buffer
    const at = this.#end
    into[at] = length >>> 24
    into[at + 1] = length >>> 16
    into[at + 2] = length >>> 8
    into[at + 3] = length
    into[at + 4] = first
    // A flood of the shortest packets has no body, and calls of native code would cost the most.
    if (length > 0) bytes.copy(into, at + HEAD_BYTES, start, end)
    this.#end = at + HEAD_BYTES + length
    return true
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
    this.#bound.release(this.#buffer.length)
    this.#buffer = EMPTY
    this.#start = 0
    this.#end = 0
  }

  #makeRoom(needed: number): boolean {
    const before = this.#buffer.length
    if (this.#end + needed <= before) return true
    const held = this.bytes
    const ahead = Math.min(2 * held, held + MOST_GROWTH_BYTES)
    const length = Math.max(FIRST_BYTES, ahead, held + needed)
    if (length > FIRST_BYTES && !this.#bound.allows(before, length - before)) return false
    this.#bound.take(length - before)
    const grown = Buffer.allocUnsafeSlow(length)
    this.#buffer.copy(grown, 0, this.#start, this.#end)
    this.#buffer = grown
    this.#start = 0
    this.#end = held
    return true
  }
}
