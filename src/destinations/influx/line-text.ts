/**
 * Writes names and strings of line protocol. Servers differ in three points, so these never appear
 * in what we write:
 *  - a line end, also within quotes: some servers split there, and a device could add lines;
 *  - in names, a backslash before a character that is escaped, or at the end;
 *  - an empty name.
 */
import { copyQuoted, escapesOf } from '../rows/escapes.ts'
import { copyBytes } from '../rows/growing-buffer.ts'
import { writeWholeNumber } from '../rows/json-text.ts'

const BACKSLASH = 0x5c
const QUOTE = 0x22
const COMMA = 0x2c
const EQUALS = 0x3d
const SPACE = 0x20
const SLASH = 0x2f
const ZERO = 0x30

/** Within quotes. Line ends are shown as \n and \r, whose backslash is escaped. */
const STRING_ESCAPES = escapesOf((byte) => {
  if (byte === QUOTE) return '\\"'
  if (byte === BACKSLASH) return '\\\\'
  if (byte === 0x0a) return '\\\\n'
  return byte === 0x0d ? '\\\\r' : undefined
})

/** An upper bound of the bytes of a name or string of `bytes` bytes. */
export function maxTextBytes(bytes: number): number {
  return bytes * 3 + 2
}

/** A measurement, the key or value of a tag, or the key of a field, as a line has it. */
export function escapedName(text: string): string {
  const bytes = Buffer.from(text)
  const target = Buffer.allocUnsafe(maxTextBytes(bytes.length))
  return target.toString('utf8', 0, writeName(bytes, 0, bytes.length, target, 0))
}

/** `source[start, stop)` in UTF-8, with at least one byte, as the same. */
export function writeName(
  source: Buffer,
  start: number,
  stop: number,
  target: Buffer,
  at: number,
): number {
  let end = at
  for (let i = start; i < stop; i++) {
    const byte = source[i] ?? 0
    if (byte === COMMA || byte === EQUALS || byte <= SPACE) {
      target[end++] = BACKSLASH
      // A control character becomes a space, which needs the backslash too.
      target[end++] = Math.max(byte, SPACE)
    } else if (byte === BACKSLASH && !isPlainAt(source, i + 1, stop)) {
      target[end++] = SLASH
    } else {
      target[end++] = byte
    }
  }
  return end
}

/** Whether a backslash before this place stands for itself, with every server. */
function isPlainAt(source: Buffer, at: number, stop: number): boolean {
  if (at >= stop) return false
  const byte = source[at] ?? 0
  return byte > SPACE && byte !== COMMA && byte !== EQUALS && byte !== BACKSLASH && byte !== QUOTE
}

/** `source[start, stop)` in UTF-8 as the value of a string field, with its quotes. */
export function writeString(
  source: Buffer,
  start: number,
  stop: number,
  target: Buffer,
  at: number,
): number {
  return copyQuoted(source, start, stop, STRING_ESCAPES, target, at)
}

const DIGITS_OF_OFFSET = 6
/** Digits of the largest time, six more, and the space before. */
export const MAX_TIMESTAMP_BYTES = 24

/**
 * ` <nanoseconds>`: the arrival in milliseconds, followed by the last six digits of the offset. It
 * is the same each time the message is sent, and differs between the messages of a millisecond,
 * which would overwrite each other otherwise.
 */
export class TimestampWriter {
  #milliseconds = 0
  /** The digits of the milliseconds above. Messages of a batch often arrived in the same one. */
  #digits: Buffer = Buffer.alloc(0)

  write(receivedAt: number, offset: number, target: Buffer, at: number): number {
    target[at] = SPACE
    const fraction = offset % 10 ** DIGITS_OF_OFFSET
    const milliseconds = Math.floor(receivedAt)
    if (milliseconds <= 0) return writeWholeNumber(fraction, target, at + 1)
    if (milliseconds !== this.#milliseconds) {
      this.#digits = Buffer.from(String(milliseconds))
      this.#milliseconds = milliseconds
    }
    const start = copyBytes(this.#digits, 0, this.#digits.length, target, at + 1)
    let rest = fraction
    for (let place = start + DIGITS_OF_OFFSET - 1; place >= start; place--) {
      const next = (rest / 10) | 0
      target[place] = ZERO + (rest - next * 10)
      rest = next
    }
    return start + DIGITS_OF_OFFSET
  }
}
