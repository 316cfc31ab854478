/**
 * Reads the envelope in the form that nearly every sender writes, straight from the bytes: its two
 * members in any order, any white space between them, and in the message only escapes of one
 * character after the backslash. So no text is decoded only to be encoded again.
 *
 *     {"request":{"message":"{\"temp\":23.33}"},"id":"req123"}
 *                            └ the payload ─┘         └ id ┘
 *
 * Any other envelope, valid or not, is left to `readEnvelope`. It accepts every envelope that is
 * accepted here, with the same result.
 */
import { isUtf8 } from 'node:buffer'

/** For longer envelopes JSON.parse and the decoder are faster: measured on Node 20. */
const MOST_BYTES = 512

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN = 0x7b
const CLOSE = 0x7d
const SPACE = 0x20
const FIRST_BEYOND_ASCII = 0x80

const REQUEST = Buffer.from('"request"')
const MESSAGE = Buffer.from('"message"')
const ID = Buffer.from('"id"')

/** By the character after the backslash, the character of the escape; 0: not read here. */
const ESCAPES = new Uint8Array(256)
for (const [name, character] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t']) {
  ESCAPES[name?.charCodeAt(0) ?? 0] = character?.charCodeAt(0) ?? 0
}

export class PlainEnvelope {
  /** The message is `bytes[start, end)`, valid until the next `read`. */
  bytes: Buffer = REQUEST
  start = 0
  end = 0
  id: string | undefined
  readonly #unescaped = Buffer.allocUnsafe(MOST_BYTES)
  #source: Buffer = REQUEST
  #at = 0
  #sourceEnd = 0
  /** The bitwise OR of all bytes of all texts. */
  #bits = 0

  /** False if the bytes are not an envelope of the usual form; then the fields have no meaning. */
  read(source: Buffer, start: number, end: number): boolean {
    if (end - start > MOST_BYTES) return false
    this.#source = source
    this.#at = start
    this.#sourceEnd = end
    this.#bits = 0
    this.id = undefined
    return this.#readMembers() && this.#isUtf8(start, end)
  }

  #readMembers(): boolean {
    let hasRequest = false
    if (!this.#take(OPEN)) return false
    do {
      if (!hasRequest && this.#takeName(REQUEST)) {
        if (!this.#readRequest()) return false
        hasRequest = true
      } else if (this.id !== undefined || !this.#takeName(ID) || !this.#readId()) {
        return false
      }
    } while (this.#take(COMMA))
    return hasRequest && this.#take(CLOSE) && this.#next() < 0
  }

  #readRequest(): boolean {
    return this.#take(OPEN) && this.#takeName(MESSAGE) && this.#readMessage() && this.#take(CLOSE)
  }

  #readId(): boolean {
    if (!this.#take(QUOTE)) return false
    const from = this.#at
    const to = this.#plainEnd(from)
    if (this.#source[to] !== QUOTE) return false
    this.#at = to + 1
    this.id = this.#source.toString('utf8', from, to)
    return true
  }

  #readMessage(): boolean {
    if (!this.#take(QUOTE)) return false
    const from = this.#at
    const to = this.#plainEnd(from)
    if (this.#source[to] === BACKSLASH) return this.#unescape(from)
    if (this.#source[to] !== QUOTE) return false
    this.bytes = this.#source
    this.start = from
    this.end = to
    this.#at = to + 1
    return true
  }

  /** Where the text that begins at `from` has its first quote, escape or control character. */
  #plainEnd(from: number): number {
    const source = this.#source
    const end = this.#sourceEnd
    let bits = this.#bits
    let at = from
    for (; at < end; at++) {
      const byte = source[at] ?? 0
      if (byte === QUOTE || byte === BACKSLASH || byte < SPACE) break
      bits |= byte
    }
    this.#bits = bits
    return at < end ? at : -1
  }

  /** The message that begins at `from`, without its escapes. */
  #unescape(from: number): boolean {
    const source = this.#source
    const end = this.#sourceEnd
    const into = this.#unescaped
    let length = 0
    let bits = this.#bits
    for (let at = from; at < end; at++) {
      let byte = source[at] ?? 0
      if (byte === QUOTE) {
        this.bytes = into
        this.start = 0
        this.end = length
        this.#bits = bits
        this.#at = at + 1
        return true
      }
      if (byte < SPACE) return false
      if (byte === BACKSLASH) {
        byte = ESCAPES[source[++at] ?? 0] ?? 0
        if (byte === 0 || at >= end) return false
      }
      bits |= byte
      into[length++] = byte
    }
    return false
  }

  /** Takes a member's name and the colon behind it. */
  #takeName(name: Buffer): boolean {
    if (this.#next() !== QUOTE || this.#at + name.length > this.#sourceEnd) return false
    for (let index = 1; index < name.length; index++) {
      if (this.#source[this.#at + index] !== name[index]) return false
    }
    this.#at += name.length
    return this.#take(COLON)
  }

  #take(character: number): boolean {
    if (this.#next() !== character) return false
    this.#at += 1
    return true
  }

  /** The next byte that is not white space; -1 at the end. */
  #next(): number {
    while (this.#at < this.#sourceEnd) {
      const byte = this.#source[this.#at] ?? 0
      if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
      this.#at += 1
    }
    return -1
  }

  #isUtf8(start: number, end: number): boolean {
    return this.#bits < FIRST_BEYOND_ASCII || isUtf8(this.#source.subarray(start, end))
  }
}
