/**
 * Checks JSON (RFC 8259) byte by byte, and finds where its values end, without making objects of
 * them. It is stricter than JSON.parse in two points, because readers of rows differ there: it does
 * not take `\ud800` without its other half, nor more than MAX_DEPTH levels.
 */
import { isUtf8 } from 'node:buffer'

/** Many readers stop at 64, 100 or 128 levels. A row adds one of its own. */
export const MAX_DEPTH = 60

/** In place of an end: the bytes are not JSON. */
export const NOT_JSON = -1

/** Up to this length a loop in JavaScript is faster than a call of native code. */
const SHORT_BYTES = 200

export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const COMMA = 0x2c
export const COLON = 0x3a
export const MINUS = 0x2d
const PLUS = 0x2b
export const POINT = 0x2e
export const ZERO = 0x30
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
export const OPEN_OBJECT = 0x7b
export const CLOSE_OBJECT = 0x7d
const LETTER_U = 0x75

const WORDS: ReadonlyMap<number, string> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), word]),
)

/** Whether `bytes[start, stop)` is one JSON value in UTF-8, perhaps with white space around it. */
export function isJson(bytes: Buffer, start: number, stop: number): boolean {
  const end = endOfValue(bytes, afterWhite(bytes, start, stop), stop, 0)
  return end !== NOT_JSON && afterWhite(bytes, end, stop) === stop && isText(bytes, start, stop)
}

/** Whether `bytes[start, stop)` is UTF-8. */
export function isText(bytes: Buffer, start: number, stop: number): boolean {
  if (stop - start > SHORT_BYTES) return isUtf8(bytes.subarray(start, stop))
  for (let at = start; at < stop; at++) {
    if ((bytes[at] ?? 0) > 0x7f) return isUtf8(bytes.subarray(at, stop))
  }
  return true
}

/** The place of the next byte that is not white space; `stop` if there is none. */
export function afterWhite(bytes: Buffer, at: number, stop: number): number {
  let next = at
  while (next < stop) {
    const byte = bytes[next] ?? 0
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break
    next++
  }
  return next
}

/**
 * Where the value that begins at `at` ends; NOT_JSON if there is none. Bytes above 127 in strings
 * are taken as they are: `isText` checks them.
 * @param depth the number of arrays and objects around it
 */
export function endOfValue(bytes: Buffer, at: number, stop: number, depth: number): number {
  if (at >= stop) return NOT_JSON
  const first = bytes[at] ?? 0
  if (first === QUOTE) return endOfString(bytes, at + 1, stop)
  if (first === OPEN_OBJECT) return endOfObject(bytes, at + 1, stop, depth + 1)
  if (first === OPEN_ARRAY) return endOfArray(bytes, at + 1, stop, depth + 1)
  const word = WORDS.get(first)
  return word === undefined ? endOfNumber(bytes, at, stop) : endOfWord(bytes, at, stop, word)
}

/** @param at after the opening quote */
export function endOfString(bytes: Buffer, at: number, stop: number): number {
  let next = at
  while (next < stop) {
    const byte = bytes[next] ?? 0
    if (byte === QUOTE) return next + 1
    if (byte < 0x20) return NOT_JSON
    if (byte !== BACKSLASH) {
      next++
      continue
    }
    next = endOfEscape(bytes, next + 1, stop)
    if (next === NOT_JSON) return NOT_JSON
  }
  return NOT_JSON
}

function endOfObject(bytes: Buffer, at: number, stop: number, depth: number): number {
  if (depth > MAX_DEPTH) return NOT_JSON
  let next = afterWhite(bytes, at, stop)
  if (isAt(bytes, next, stop, CLOSE_OBJECT)) return next + 1
  for (;;) {
    next = startOfMember(bytes, next, stop)
    if (next === NOT_JSON) return NOT_JSON
    next = endOfValue(bytes, next, stop, depth)
    if (next === NOT_JSON) return NOT_JSON
    next = afterWhite(bytes, next, stop)
    if (isAt(bytes, next, stop, CLOSE_OBJECT)) return next + 1
    if (!isAt(bytes, next, stop, COMMA)) return NOT_JSON
    next = afterWhite(bytes, next + 1, stop)
  }
}

/** Where the value of the member begins whose name begins at `at`. */
function startOfMember(bytes: Buffer, at: number, stop: number): number {
  if (!isAt(bytes, at, stop, QUOTE)) return NOT_JSON
  const end = endOfString(bytes, at + 1, stop)
  if (end === NOT_JSON) return NOT_JSON
  const colon = afterWhite(bytes, end, stop)
  return isAt(bytes, colon, stop, COLON) ? afterWhite(bytes, colon + 1, stop) : NOT_JSON
}

function endOfArray(bytes: Buffer, at: number, stop: number, depth: number): number {
  if (depth > MAX_DEPTH) return NOT_JSON
  let next = afterWhite(bytes, at, stop)
  if (isAt(bytes, next, stop, CLOSE_ARRAY)) return next + 1
  for (;;) {
    next = endOfValue(bytes, next, stop, depth)
    if (next === NOT_JSON) return NOT_JSON
    next = afterWhite(bytes, next, stop)
    if (isAt(bytes, next, stop, CLOSE_ARRAY)) return next + 1
    if (!isAt(bytes, next, stop, COMMA)) return NOT_JSON
    next = afterWhite(bytes, next + 1, stop)
  }
}

function endOfWord(bytes: Buffer, at: number, stop: number, word: string): number {
  const end = at + word.length
  if (end > stop) return NOT_JSON
  for (let i = 1; i < word.length; i++) {
    if (bytes[at + i] !== word.charCodeAt(i)) return NOT_JSON
  }
  return end
}

function endOfNumber(bytes: Buffer, at: number, stop: number): number {
  let next = isAt(bytes, at, stop, MINUS) ? at + 1 : at
  const whole = next
  next = afterDigits(bytes, whole, stop)
  if (next === whole || (next > whole + 1 && bytes[whole] === ZERO)) return NOT_JSON
  if (isAt(bytes, next, stop, POINT)) {
    const fraction = next + 1
    next = afterDigits(bytes, fraction, stop)
    if (next === fraction) return NOT_JSON
  }
  if (next === stop || ((bytes[next] ?? 0) | 0x20) !== 0x65) return next
  const hasSign = isAt(bytes, next + 1, stop, MINUS) || isAt(bytes, next + 1, stop, PLUS)
  const exponent = next + (hasSign ? 2 : 1)
  next = afterDigits(bytes, exponent, stop)
  return next === exponent ? NOT_JSON : next
}

function afterDigits(bytes: Buffer, at: number, stop: number): number {
  let next = at
  while (next < stop && isDigit(bytes[next] ?? 0)) next++
  return next
}

/** @param at after the backslash */
function endOfEscape(bytes: Buffer, at: number, stop: number): number {
  if (at >= stop) return NOT_JSON
  const letter = bytes[at] ?? 0
  if (letter !== LETTER_U) return isShortEscape(letter) ? at + 1 : NOT_JSON
  const unit = codeUnitAt(bytes, at + 1, stop)
  const end = at + 5
  if (unit < 0xd800 || unit > 0xdfff) return unit === NOT_JSON ? NOT_JSON : end
  // Half a character. The other half must follow.
  const isFirst = unit < 0xdc00 && isAt(bytes, end, stop, BACKSLASH)
  if (!isFirst || !isAt(bytes, end + 1, stop, LETTER_U)) return NOT_JSON
  const other = codeUnitAt(bytes, end + 2, stop)
  return other >= 0xdc00 && other <= 0xdfff ? end + 6 : NOT_JSON
}

/** `"`, `\`, `/`, b, f, n, r, t */
function isShortEscape(letter: number): boolean {
  switch (letter) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return true
    default:
      return false
  }
}

/** The value of four hexadecimal digits. */
function codeUnitAt(bytes: Buffer, at: number, stop: number): number {
  if (at + 4 > stop) return NOT_JSON
  let unit = 0
  for (let i = at; i < at + 4; i++) {
    const digit = hexValue(bytes[i] ?? 0)
    if (digit < 0) return NOT_JSON
    unit = unit * 16 + digit
  }
  return unit
}

function hexValue(byte: number): number {
  if (isDigit(byte)) return byte - ZERO
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

function isAt(bytes: Buffer, at: number, stop: number, byte: number): boolean {
  return at < stop && bytes[at] === byte
}
