/** Writes JSON strings and numbers into a buffer, where room must be. */
import { writeAscii } from './growing-buffer.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const ZERO = 0x30
/** `\u0000`: the longest that one character of UTF-16, or one byte of UTF-8, becomes. */
const ESCAPED_BYTES = 6
const HEX = '0123456789abcdef'

/** Second characters of the short escapes, by the character; 0 where there is none. */
const SHORT_ESCAPES = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const json = JSON.stringify(String.fromCharCode(code))
  return json.length === 4 ? json.charCodeAt(2) : 0
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
  for (let i = start; i < stop; i++) {
    const byte = source[i] ?? 0
    if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) continue
    length += SHORT_ESCAPES[byte] === 0 ? ESCAPED_BYTES - 1 : 1
  }
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
  target[at] = QUOTE
  let end = at + 1
  for (let i = start; i < stop; i++) {
    const byte = source[i] ?? 0
    if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) target[end++] = byte
    else end = writeEscaped(byte, target, end)
  }
  target[end] = QUOTE
  return end + 1
}

function writeEscaped(byte: number, target: Buffer, at: number): number {
  target[at] = BACKSLASH
  const letter = SHORT_ESCAPES[byte] ?? 0
  if (letter !== 0) {
    target[at + 1] = letter
    return at + 2
  }
  const end = writeAscii('u00', target, at + 1)
  target[end] = HEX.charCodeAt(byte >> 4)
  target[end + 1] = HEX.charCodeAt(byte & 15)
  return end + 2
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
