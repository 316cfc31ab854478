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

/**
 * Compact JSON.
 * @throws {RangeError} if values are nested too deeply for the stack
 */
export function jsonText(value: JsonValue): string {
  try {
    return JSON.stringify(value)
  } catch (thrown) {
    // JSON.stringify refuses bigints. Asking beforehand would cost every message a search.
    if (thrown instanceof TypeError) return exactText(value)
    throw thrown
  }
}

function exactText(value: JsonValue): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(exactText).join(',')}]`
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}:${exactText(member)}`,
  )
  return `{${members.join(',')}}`
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
    if (token === '{') return this.#object()
    if (token === '[') return this.#array()
    if (INTEGER.test(token)) return integerOf(token)
    return JSON.parse(token)
  }

  #object(): JsonObject {
    const object: JsonObject = {}
    for (let token = this.#take(); token !== '}'; token = this.#take()) {
      if (token === ',') continue
      this.#take() // the colon
      const name: string = JSON.parse(token)
      setMember(object, name, this.value())
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

function integerOf(digits: string): number | bigint {
  const number = Number(digits)
  return Number.isSafeInteger(number) ? number : BigInt(digits)
}
