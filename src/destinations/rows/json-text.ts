/** Writes JSON strings and numbers into a buffer, where room must be. */
import { copyQuoted, escapesOf } from './escapes.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const ZERO = 0x30
/** `\u0000`: the longest that one character of UTF-16, or one byte of UTF-8, becomes. */
const ESCAPED_BYTES = 6

/** Only these must be escaped, and `JSON.stringify` escapes no others of ASCII. */
const ESCAPES = escapesOf((byte) => {
  const isEscaped = byte < 0x20 || byte === QUOTE || byte === BACKSLASH
  return isEscaped ? JSON.stringify(String.fromCharCode(byte)).slice(1, -1) : undefined
})

/** An upper bound of the bytes that `writeJsonText` writes. */
export function maxJsonTextBytes(text: string): number {
  return text.length * ESCAPED_BYTES + 2
}

/** The text with its quotes. Half characters (lone surrogates) become U+FFFD. */
export function writeJsonText(text: string, target: Buffer, at: number): number {
  target[at] = QUOTE
  let end = at + 1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) {
      return at + target.write(JSON.stringify(wellFormed(text)), at)
    }
    target[end++] = code
  }
  target[end] = QUOTE
  return end + 1
}

/** In UTF-8 lone surrogates become U+FFFD. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

/** The bytes that `writeJsonBytes` writes. */
export function jsonBytesLength(source: Buffer, start: number, stop: number): number {
  let length = stop - start + 2
  for (let i = start; i < stop; i++) length += (ESCAPES[source[i] ?? 0]?.length ?? 1) - 1
  return length
}

/** `source[start, stop)`, which is UTF-8, as a JSON string. */
export function writeJsonBytes(
  source: Buffer,
  start: number,
  stop: number,
  target: Buffer,
  at: number,
): number {
  return copyQuoted(source, start, stop, ESCAPES, target, at)
}

/** The most digits of a whole number, with its sign. */
export const MAX_NUMBER_BYTES = 17

/** @param value a whole number, not negative, that a double holds exactly */
export function writeWholeNumber(value: number, target: Buffer, at: number): number {
  let end = at + digitsOf(value)
  const after = end
  let rest = value
  // Beyond 31 bits `| 0` no longer divides.
  while (rest > 0x7fffffff) {
    const next = Math.floor(rest / 10)
    target[--end] = ZERO + (rest - next * 10)
    rest = next
  }
  while (end > at) {
    const next = (rest / 10) | 0
    target[--end] = ZERO + (rest - next * 10)
    rest = next
  }
  return after
}

function digitsOf(value: number): number {
  let digits = 1
  for (let bound = 10; value >= bound; bound *= 10) digits++
  return digits
}
