/**
 * Buffers that requests are written into. A buffer is used again as soon as the kernel has taken
 * its content. A request of usual size leaves within the call that writes it, so one buffer serves
 * all connections and stays in the processor's cache.
 */

/** The most buffers kept for later. */
const MAX_KEPT = 4
/**
 * Longer buffers are not kept. With the default of `maxBatchBytes` a request takes up to 0.7 MB.
 */
const MAX_KEPT_BYTES = 1_048_576
const MIN_BYTES = 65_536

export class RequestBuffers {
  readonly #kept: Buffer[] = []

  /** A buffer of at least `bytes`, with arbitrary content. */
  take(bytes: number): Buffer {
    const kept = this.#kept.pop()
    if (kept !== undefined && kept.length >= bytes) return kept
    // A power of two, so that requests that grow a little do not each need a new buffer.
    return Buffer.allocUnsafeSlow(Math.max(MIN_BYTES, 2 ** Math.ceil(Math.log2(bytes))))
  }

  give(buffer: Buffer): void {
    if (this.#kept.length < MAX_KEPT && buffer.length <= MAX_KEPT_BYTES) this.#kept.push(buffer)
  }
}
