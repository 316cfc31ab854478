/**
 * Buffers to write requests into, used again as soon as the kernel has taken what they held. A
 * request of usual size leaves within the call that writes it, so that one buffer serves all
 * connections and stays in the processor's cache.
 */

/** Buffers that are kept for later, at most. */
const MAX_KEPT = 4
/** Longer ones are let go: a request of `maxBatchBytes` at its default needs 0.7 MB. */
const MAX_KEPT_BYTES = 1_048_576
const MIN_BYTES = 65_536

export class RequestBuffers {
  readonly #kept: Buffer[] = []

  /** A buffer of at least `bytes`, with anything in it. */
  take(bytes: number): Buffer {
    const kept = this.#kept.pop()
    if (kept !== undefined && kept.length >= bytes) return kept
    // A power of two: requests that grow a little don't each need a new one.
    return Buffer.allocUnsafeSlow(Math.max(MIN_BYTES, 2 ** Math.ceil(Math.log2(bytes))))
  }

  give(buffer: Buffer): void {
    if (this.#kept.length < MAX_KEPT && buffer.length <= MAX_KEPT_BYTES) this.#kept.push(buffer)
  }
}
