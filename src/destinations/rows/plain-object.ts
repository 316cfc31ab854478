/**
 * Recognises what most devices send, in one pass and without making objects:
 *
 *     {"device":"d7","celsius":21.5,"isOpen":false}
 *
 * Names and strings are ASCII without escapes, no two names are the same, numbers are short and have
 * no exponent, and no value is an object or an array. Such a payload is JSON to every reader, and
 * its parts can be copied as they are. `json-scan.ts` knows all the others.
 */
import {
  afterWhite,
  BACKSLASH,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  MINUS,
  NOT_JSON,
  OPEN_OBJECT,
  POINT,
  QUOTE,
  ZERO,
} from './json-scan.ts'

const MAX_MEMBERS = 32
const MAX_NUMBER_BYTES = 100

const NINE = 0x39

/** By byte: 1 if it stands for itself in a string. */
const STANDS_FOR_ITSELF = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
)

export class PlainObject {
  /** The number of members. */
  count = 0
  /** Where the members' names and values are. Names without, strings with their quotes. */
  readonly nameStarts = new Int32Array(MAX_MEMBERS)
  readonly nameStops = new Int32Array(MAX_MEMBERS)
  readonly valueStarts = new Int32Array(MAX_MEMBERS)
  readonly valueStops = new Int32Array(MAX_MEMBERS)
  readonly #hashes = new Int32Array(MAX_MEMBERS)

  /** Whether `bytes[start, stop)` is a plain object. If so, its members can be read. */
  scan(bytes: Buffer, start: number, stop: number): boolean {
    this.count = 0
    let at = afterWhite(bytes, start, stop)
    if (byteAt(bytes, at, stop) !== OPEN_OBJECT) return false
    at = afterWhite(bytes, at + 1, stop)
    if (byteAt(bytes, at, stop) !== CLOSE_OBJECT) {
      at = this.#members(bytes, at, stop)
      if (at === NOT_JSON) return false
    }
    return afterWhite(bytes, at + 1, stop) === stop
  }

  /** The place of the closing brace. */
  #members(bytes: Buffer, from: number, stop: number): number {
    let at = from
    while (this.count < MAX_MEMBERS) {
      at = this.#name(bytes, at, stop)
      if (at === NOT_JSON) return NOT_JSON
      at = this.#value(bytes, at, stop)
      if (at === NOT_JSON) return NOT_JSON
      this.count++
      const next = byteAt(bytes, at, stop)
      if (next === CLOSE_OBJECT) return at
      if (next !== COMMA) return NOT_JSON
      at = afterWhite(bytes, at + 1, stop)
    }
    return NOT_JSON
  }

  /** Where its value begins. */
  #name(bytes: Buffer, at: number, stop: number): number {
    if (byteAt(bytes, at, stop) !== QUOTE) return NOT_JSON
    let end = at + 1
    let hash = 0
    while (end < stop) {
      const byte = bytes[end] ?? 0
      if (STANDS_FOR_ITSELF[byte] === 0) break
      hash = (Math.imul(hash, 31) + byte) | 0
      end++
    }
    if (byteAt(bytes, end, stop) !== QUOTE || this.#mayBeRepeated(hash)) return NOT_JSON
    this.nameStarts[this.count] = at + 1
    this.nameStops[this.count] = end
    const colon = afterWhite(bytes, end + 1, stop)
    return byteAt(bytes, colon, stop) === COLON ? afterWhite(bytes, colon + 1, stop) : NOT_JSON
  }

  /** Different names rarely have the same hash; `json-scan.ts` compares such names. */
  #mayBeRepeated(hash: number): boolean {
    const hashes = this.#hashes
    for (let i = 0; i < this.count; i++) if (hashes[i] === hash) return true
    hashes[this.count] = hash
    return false
  }

  /** Where the next comma or brace must be. */
  #value(bytes: Buffer, at: number, stop: number): number {
    const end = endOfPlainValue(bytes, at, stop)
    this.valueStarts[this.count] = at
    this.valueStops[this.count] = end
    return end === NOT_JSON ? NOT_JSON : afterWhite(bytes, end, stop)
  }
}

function endOfPlainValue(bytes: Buffer, at: number, stop: number): number {
  const first = byteAt(bytes, at, stop)
  if (first === QUOTE) {
    let end = at + 1
    while (end < stop && STANDS_FOR_ITSELF[bytes[end] ?? 0] === 1) end++
    return byteAt(bytes, end, stop) === QUOTE ? end + 1 : NOT_JSON
  }
  if (first === MINUS || (first >= ZERO && first <= NINE)) return endOfNumber(bytes, at, stop)
  if (isWord(bytes, at, stop, 'true') || isWord(bytes, at, stop, 'null')) return at + 4
  return isWord(bytes, at, stop, 'false') ? at + 5 : NOT_JSON
}

/** Before an exponent, which then is neither a comma nor a brace. */
function endOfNumber(bytes: Buffer, at: number, stop: number): number {
  const whole = bytes[at] === MINUS ? at + 1 : at
  let end = afterDigits(bytes, whole, stop)
  if (end === whole || (end > whole + 1 && bytes[whole] === ZERO)) return NOT_JSON
  if (byteAt(bytes, end, stop) === POINT) {
    const fraction = end + 1
    end = afterDigits(bytes, fraction, stop)
    if (end === fraction) return NOT_JSON
  }
  return end - at > MAX_NUMBER_BYTES ? NOT_JSON : end
}

function afterDigits(bytes: Buffer, at: number, stop: number): number {
  let end = at
  while (end < stop) {
    const byte = bytes[end] ?? 0
    if (byte < ZERO || byte > NINE) break
    end++
  }
  return end
}

function isWord(bytes: Buffer, at: number, stop: number, word: string): boolean {
  if (at + word.length > stop) return false
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false
  return true
}

/** 0 at the end. */
function byteAt(bytes: Buffer, at: number, stop: number): number {
  return at < stop ? (bytes[at] ?? 0) : 0
}
