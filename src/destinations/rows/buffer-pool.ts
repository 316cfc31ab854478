/** Buffers for batches that are being sent. They are used again, so that they stay in the cache. */
import { GrowingBuffer } from './growing-buffer.ts'

/** The most buffers kept for later. */
const MAX_KEPT = 4
/** Larger buffers are let go of. */
const MAX_KEPT_BYTES = 2_097_152

export class BufferPool {
  readonly #kept: GrowingBuffer[] = []

  /** An empty buffer, until it is given back. */
  take(): GrowingBuffer {
    return this.#kept.pop() ?? new GrowingBuffer()
  }

  give(buffer: GrowingBuffer): void {
    buffer.clear(MAX_KEPT_BYTES)
    if (this.#kept.length < MAX_KEPT) this.#kept.push(buffer)
  }
}
