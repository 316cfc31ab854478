/** Divides bytes into lines. A line that is too long is dropped, and counted. */

const LINE_END = 0x0a
const CARRIAGE_RETURN = 0x0d
const NOTHING = Buffer.alloc(0)

export class LineSplitter {
  readonly #maxBytes: number
  #rest: Buffer[] = []
  #restBytes = 0
  #tooLong = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Lines that were longer than the limit, so far. */
  get tooLong(): number {
    return this.#tooLong
  }

  /** Lines that end in `chunk`, without their ends. They may share its memory. */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = []
    let at = 0
    for (;;) {
      const end = chunk.indexOf(LINE_END, at)
      if (end < 0) break
      this.#take(chunk.subarray(at, end))
      this.#endLine(lines)
      at = end + 1
    }
    // A copy, so that it does not keep the whole chunk in memory.
    if (at < chunk.length) this.#take(Buffer.from(chunk.subarray(at)))
    return lines
  }

  /** The last line, if the bytes do not end with the end of one. */
  end(): Buffer[] {
    const lines: Buffer[] = []
    if (this.#restBytes > 0) this.#endLine(lines)
    return lines
  }

  #take(part: Buffer): void {
    this.#restBytes += part.length
    // What is too long need not be remembered.
    if (this.#restBytes > this.#maxBytes) this.#rest = []
    else if (part.length > 0) this.#rest.push(part)
  }

  #endLine(lines: Buffer[]): void {
    if (this.#restBytes > this.#maxBytes) this.#tooLong++
    else if (this.#restBytes > 0) {
      const [first = NOTHING] = this.#rest
      const line = this.#rest.length === 1 ? first : Buffer.concat(this.#rest)
      const hasReturn = line[line.length - 1] === CARRIAGE_RETURN
      const text = hasReturn ? line.subarray(0, -1) : line
      if (text.length > 0) lines.push(text)
    }
    this.#rest = []
    this.#restBytes = 0
  }
}
