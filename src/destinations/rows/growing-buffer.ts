/** Bytes that rows are written to, one after another. It is cleared and used again. */

const MIN_BYTES = 65_536
/** Up to this length a loop is faster than a call of native code. */
const MAX_LOOP_BYTES = 150

export class GrowingBuffer {
  /** Only `[0, length)` is content. Another buffer after a `reserve` that needed more room. */
  bytes: Buffer
  length = 0

  constructor(bytes = MIN_BYTES) {
    this.bytes = Buffer.allocUnsafeSlow(bytes)
  }

  /** Makes room for `count` bytes after the content. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }

  /** The content, valid until something else is written. */
  content(): Buffer {
    return this.bytes.subarray(0, this.length)
  }

  writeByte(byte: number): void {
    this.reserve(1)
    this.bytes[this.length++] = byte
  }

  /** @param text ASCII */
  writeAscii(text: string): void {
    this.reserve(text.length)
    this.length = writeAscii(text, this.bytes, this.length)
  }

  /**
   * Lets go of the content. A buffer that has grown to more than `maxBytes` is let go of too, so
   * that one large batch does not hold its memory.
   */
  clear(maxBytes = Number.POSITIVE_INFINITY): void {
    this.length = 0
    if (this.bytes.length > maxBytes) this.bytes = Buffer.allocUnsafeSlow(MIN_BYTES)
  }
}

/** Writes ASCII at `at`, where room must be. Byte by byte: a native call costs more. */
export function writeAscii(text: string, target: Buffer, at: number): number {
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i)
  return at + text.length
}

/** Copies `source[start, stop)` to `at`, where room must be. Returns where the copy ends. */
export function copyBytes(
  source: Buffer,
  start: number,
  stop: number,
  target: Buffer,
  at: number,
): number {
  if (stop - start > MAX_LOOP_BYTES) return at + source.copy(target, at, start, stop)
  let end = at
  for (let from = start; from < stop; from++) target[end++] = source[from] ?? 0
  return end
}
