/**
 * Writes names and strings of line protocol. Servers differ in three points, so these never appear
 * in what we write:
 *  - a line end, also within quotes: some servers split there, and a device could add lines;
 *  - in names, a backslash before a character that is escaped, or at the end;
 *  - an empty name.
 */
import { writeAscii } from '../rows/growing-buffer.ts'

const BACKSLASH = 0x5c
const QUOTE = 0x22
const COMMA = 0x2c
const EQUALS = 0x3d
const SPACE = 0x20
const SLASH = 0x2f
const LETTER_N = 0x6e
const LETTER_R = 0x72

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
  target[at] = QUOTE
  let end = at + 1
  for (let i = start; i < stop; i++) {
    const byte = source[i] ?? 0
    if (byte === QUOTE || byte === BACKSLASH) target[end++] = BACKSLASH
    if (byte === 0x0a || byte === 0x0d) {
      // Shown as \n or \r: a backslash, which is escaped, and a letter.
      target[end++] = BACKSLASH
      target[end++] = BACKSLASH
      target[end++] = byte === 0x0a ? LETTER_N : LETTER_R
    } else {
      target[end++] = byte
    }
  }
  target[end] = QUOTE
  return end + 1
}

const DIGITS_OF_OFFSET = 6
/** Digits of the largest time, six more, and the space before. */
export const MAX_TIMESTAMP_BYTES = 24

/**
 * ` <nanoseconds>`: the arrival in milliseconds, followed by the last six digits of the offset. It
 * is the same each time the message is sent, and differs between the messages of a millisecond,
 * which would overwrite each other otherwise.
 */
export function writeTimestamp(
  receivedAt: number,
  offset: number,
  target: Buffer,
  at: number,
): number {
  target[at] = SPACE
  const fraction = String(offset % 10 ** DIGITS_OF_OFFSET)
  const milliseconds = Math.floor(receivedAt)
  if (milliseconds <= 0) return writeAscii(fraction, target, at + 1)
  const end = writeAscii(String(milliseconds), target, at + 1)
  return writeAscii(fraction.padStart(DIGITS_OF_OFFSET, '0'), target, end)
}
