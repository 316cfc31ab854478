/**
 * JSON text to values and back. Identifiers and times in nanoseconds are often integers that a
 * number cannot hold; they become bigints, so that a message leaves a pipeline with the digits it
 * came with. Fractions have the precision of a double.
 */
import { isUtf8 } from 'node:buffer'
import type { JsonObject, JsonValue } from './json-value.ts'
import { setMember } from './json-value.ts'

/** Without 16 digits in a row, every integer fits into a number. */
const MAY_BE_INEXACT = /\d{16}/
const INTEGER = /^-?\d+$/
/** A string, a number, a word or a mark. Only for text that is JSON. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** The value; undefined if the bytes are not JSON in UTF-8. */
export function parseJson(bytes: Buffer): JsonValue | undefined {
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString('utf8')
  try {
    const value: JsonValue = JSON.parse(text)
    return MAY_BE_INEXACT.test(text) ? new ExactReader(text).value() : value
  } catch {
    return undefined
  }
}

/** Writes the messages of one batch, which are mostly alike. */
export class JsonWriter {
  /** `JSON.stringify` refuses bigints, and its error costs more than writing the text ourselves. */
  #hasMetBigints = false

  /**
   * Compact JSON.
   * @throws {RangeError} if values are nested too deeply for the stack
   */
  text(value: JsonValue): string {
    if (this.#hasMetBigints) return exactText(value)
    try {
      return JSON.stringify(value)
    } catch (thrown) {
      if (!(thrown instanceof TypeError)) throw thrown
      this.#hasMetBigints = true
      return exactText(value)
    }
  }
}

/** The same text as that of `JSON.stringify`, also of bigints. */
function exactText(value: JsonValue): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(exactText).join(',')}]`
  let text = '{'
  for (const name of Object.keys(value)) {
    const separator = text.length === 1 ? '' : ','
    text += `${separator}${JSON.stringify(name)}:${exactText(value[name] ?? null)}`
  }
  return `${text}}`
}

/** Reads text that `JSON.parse` has accepted, so it checks nothing. */
class ExactReader {
  readonly #tokens: readonly string[]
  #next = 0

  constructor(text: string) {
    this.#tokens = text.match(TOKEN) ?? []
  }

  value(): JsonValue {
    const token = this.#take()
    switch (token[0]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return textOf(token)
      case 't':
        return true
      case 'f':
        return false
      case 'n':
        return null
      default:
        return numberOf(token)
    }
  }

  #object(): JsonObject {
    const object: JsonObject = {}
    for (let token = this.#take(); token !== '}'; token = this.#take()) {
      if (token === ',') continue
      this.#take() // the colon
      setMember(object, textOf(token), this.value())
    }
    return object
  }

  #array(): JsonValue[] {
    const array: JsonValue[] = []
    while (this.#tokens[this.#next] !== ']') {
      if (this.#tokens[this.#next] === ',') this.#next++
      array.push(this.value())
    }
    this.#next++
    return array
  }

  #take(): string {
    return this.#tokens[this.#next++] ?? ''
  }
}

function textOf(token: string): string {
  return token.includes('\\') ? JSON.parse(token) : token.slice(1, -1)
}

function numberOf(token: string): number | bigint {
  const number = Number(token)
  return Number.isSafeInteger(number) || !INTEGER.test(token) ? number : BigInt(token)
}
