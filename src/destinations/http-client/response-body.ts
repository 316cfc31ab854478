/** Collects the body of a response up to a maximum length, in a buffer that is used again. */

/** Enough for an answer that rejects a few messages. */
const USUAL_BYTES = 4_096
/** A longer buffer is not used again. */
const MAX_KEPT_BYTES = 65_536

export class ResponseBody {
  readonly #maxBytes: number
  #buffer = Buffer.allocUnsafeSlow(USUAL_BYTES)
  #length = 0
  #isTooLong = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The body is longer than the maximum. */
  get isTooLong(): boolean {
    return this.#isTooLong
  }

  add(source: Buffer, start: number, end: number): void {
    const taken = Math.min(end - start, this.#maxBytes - this.#length)
    if (taken < end - start) this.#isTooLong = true
    this.#makeRoom(this.#length + taken)
    source.copy(this.#buffer, this.#length, start, start + taken)
    this.#length += taken
  }

  /** As UTF-8. */
  text(): string {
    return this.#buffer.toString('utf8', 0, this.#length)
  }

  clear(): void {
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(USUAL_BYTES)
    this.#length = 0
    this.#isTooLong = false
  }

  #makeRoom(bytes: number): void {
    if (this.#buffer.length >= bytes) return
    // Doubled, so that a body that arrives in single bytes is not copied for each byte.
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}
