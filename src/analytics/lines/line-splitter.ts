/**
 * Cuts a stream of bytes into lines, at line feeds alone. Node's readline also cuts at U+2028, which
 * JSON may have inside of a string.
 */

const LINE_FEED = 0x0a

export interface LineSplitterOptions {
  readonly maxBytes: number
  /** Called with each line, without its line feed. It may share the memory of what was pushed. */
  readonly onLine: (line: Buffer) => void
  /** Called once for a line that is longer than `maxBytes`. The rest of it is ignored. */
  readonly onTooLong: (start: Buffer) => void
}

export class LineSplitter {
  readonly #options: LineSplitterOptions
  #parts: Buffer[] = []
  #bytes = 0
  #isIgnoring = false

  constructor(options: LineSplitterOptions) {
    this.#options = options
  }

  push(chunk: Buffer): void {
    let at = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, at)) {
      this.#add(chunk.subarray(at, end))
      if (!this.#isIgnoring) this.#options.onLine(this.#taken())
      this.#isIgnoring = false
      at = end + 1
    }
    // A copy: the caller may use its memory again, and it must not keep a whole chunk alive.
    if (at < chunk.length) this.#add(Buffer.from(chunk.subarray(at)))
  }

  /** The stream has ended: what is left counts as a line. */
  end(): void {
    if (this.#bytes > 0) this.#options.onLine(this.#taken())
  }

  #add(part: Buffer): void {
    if (this.#isIgnoring || part.length === 0) return
    this.#parts.push(part)
    this.#bytes += part.length
    if (this.#bytes <= this.#options.maxBytes) return
    this.#isIgnoring = true
    this.#options.onTooLong(this.#taken().subarray(0, this.#options.maxBytes))
  }

  #taken(): Buffer {
    const line = this.#parts.length === 1 ? this.#parts[0] : undefined
    const taken = line ?? Buffer.concat(this.#parts)
    this.#parts = []
    this.#bytes = 0
    return taken
  }
}
