/**
 * Writes the fields of a line from a payload in JSON. Numbers keep their digits and are always
 * floats: the type of a field is fixed by its first value, and 21 may be followed by 21.5.
 */

import { copyBytes, type GrowingBuffer } from '../rows/growing-buffer.ts'
import {
  hasEscape,
  isSameText,
  type Member,
  membersOf,
  type Span,
  textIn,
} from '../rows/json-members.ts'
import { afterWhite, endOfValue, NOT_JSON } from '../rows/json-scan.ts'
import type { PlainObject } from '../rows/plain-object.ts'
import { maxTextBytes, writeName, writeString } from './line-text.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const EQUALS = 0x3d
const OPEN_OBJECT = 0x7b
const OPEN_ARRAY = 0x5b
const LETTER_T = 0x74
const LETTER_F = 0x66
const LETTER_N = 0x6e
/** From this length on a number may be out of range without an exponent. */
const LONG_NUMBER = 300
/** Stands for a name without characters, which line protocol does not have. */
const NAMELESS = '_'

/** What to do with objects and arrays within the payload. */
export type NestedValues = 'ignore' | 'dotted' | 'json'

export interface FieldRules {
  /** Only fields with these names, by their dotted paths. Default: all. */
  readonly only: ReadonlySet<string> | undefined
  /** Left out, because they are tags. Dotted paths. */
  readonly tagged: ReadonlySet<string>
  /** These names get an underscore at their end: servers use them for something else. */
  readonly reserved: ReadonlySet<string>
  readonly nested: NestedValues
  /** The name of the field for a payload that is a single value. */
  readonly valueField: string
}

export class FieldWriter {
  readonly #rules: FieldRules
  /** Names that need a look at the rules; with `only`, all of them do. */
  readonly #special: readonly Buffer[]
  readonly #valueField: Buffer
  #out: GrowingBuffer
  #bytes: Buffer = Buffer.alloc(0)
  #count = 0

  constructor(out: GrowingBuffer, rules: FieldRules) {
    this.#out = out
    this.#rules = rules
    this.#special = [...rules.tagged, ...rules.reserved].map((name) => Buffer.from(name))
    this.#valueField = Buffer.from(rules.valueField)
  }

  /**
   * Appends the fields of the payload in `bytes[start, stop)`, which is JSON.
   * @returns how many there are
   * @throws {RangeError} if a number is out of the range of a float
   */
  write(
    bytes: Buffer,
    start: number,
    stop: number,
    members: readonly Member[] | undefined,
  ): number {
    this.#bytes = bytes
    this.#count = 0
    if (members === undefined) this.#writeSingle(start, stop)
    else for (const { name, value } of members) this.#writeMember(name, value)
    return this.#count
  }

  /** The same of a plain object. Most of its names and all of its values are copied as they are. */
  writePlain(
    bytes: Buffer,
    { count, nameStarts, nameStops, valueStarts, valueStops }: PlainObject,
  ) {
    this.#bytes = bytes
    this.#count = 0
    for (let i = 0; i < count; i++) {
      const nameStart = nameStarts[i] ?? 0
      const nameStop = nameStops[i] ?? 0
      const start = valueStarts[i] ?? 0
      const stop = valueStops[i] ?? 0
      if (bytes[start] === LETTER_N) continue
      if (this.#rules.only === undefined && !this.#isSpecial(nameStart, nameStop)) {
        this.#writeName(bytes, nameStart, nameStop)
        this.#copy(start, stop)
        this.#count++
      } else {
        this.#writeNamed(bytes.toString('latin1', nameStart, nameStop), { start, stop })
      }
    }
    return this.#count
  }

  #writeSingle(start: number, stop: number): void {
    const from = afterWhite(this.#bytes, start, stop)
    const value = { start: from, stop: endOfValue(this.#bytes, from, stop, 0) }
    const isArray = this.#bytes[from] === OPEN_ARRAY
    if (isArray && this.#rules.nested === 'dotted') this.#writeElements('', value)
    else this.#writeValue(this.#valueField, { start: 0, stop: this.#valueField.length }, value)
  }

  /** A member of the payload itself: in most cases its name is copied as it is. */
  #writeMember(name: Span, value: Span): void {
    if (this.#rules.only === undefined && this.#isOrdinary(name) && !this.#isNested(value)) {
      this.#writeValue(this.#bytes, name, value)
    } else {
      this.#writeNamed(textIn(this.#bytes, name), value)
    }
  }

  /** Whether the name is written as it is: not escaped, not empty, and no rule has it. */
  #isOrdinary({ start, stop }: Span): boolean {
    return !hasEscape(this.#bytes, { start, stop }) && !this.#isSpecial(start, stop)
  }

  /** Whether the name is empty, or a rule has it. */
  #isSpecial(start: number, stop: number): boolean {
    if (start === stop) return true
    for (const name of this.#special) {
      if (isSameText(this.#bytes, start, stop, name, 0, name.length)) return true
    }
    return false
  }

  /** @param path dotted, without escapes */
  #writeNamed(path: string, value: Span): void {
    const { only, tagged, reserved, nested } = this.#rules
    if (tagged.has(path)) return
    if (this.#isNested(value) && nested === 'dotted') {
      this.#writeNested(path, value)
      return
    }
    if (only !== undefined && !only.has(path)) return
    const name = Buffer.from(reserved.has(path) ? `${path}_` : path === '' ? NAMELESS : path)
    this.#writeValue(name, { start: 0, stop: name.length }, value)
  }

  #writeNested(path: string, value: Span): void {
    const bytes = this.#bytes
    if (bytes[value.start] === OPEN_ARRAY) {
      this.#writeElements(`${path}.`, value)
      return
    }
    const members = membersOf(bytes, value.start, value.stop) ?? []
    for (const { name, value } of members) this.#writeNamed(`${path}.${textIn(bytes, name)}`, value)
  }

  /** The elements of an array are named by their places: 0, 1, … */
  #writeElements(prefix: string, array: Span): void {
    const bytes = this.#bytes
    let at = afterWhite(bytes, array.start + 1, array.stop)
    for (let place = 0; at < array.stop - 1; place++) {
      const end = endOfValue(bytes, at, array.stop, 1)
      if (end === NOT_JSON) return
      this.#writeNamed(`${prefix}${place}`, { start: at, stop: end })
      // After the comma, or after the closing bracket.
      at = afterWhite(bytes, afterWhite(bytes, end, array.stop) + 1, array.stop)
    }
  }

  #isNested({ start }: Span): boolean {
    const first = this.#bytes[start]
    return first === OPEN_OBJECT || first === OPEN_ARRAY
  }

  #writeValue(nameBytes: Buffer, name: Span, value: Span): void {
    const first = this.#bytes[value.start]
    if (first === LETTER_N || (this.#isNested(value) && this.#rules.nested === 'ignore')) return
    this.#writeName(nameBytes, name.start, name.stop)
    if (first === QUOTE) this.#writeText({ start: value.start + 1, stop: value.stop - 1 })
    else if (this.#isNested(value)) this.#writeQuoted(this.#bytes, value)
    else if (first === LETTER_T || first === LETTER_F) this.#copy(value.start, value.stop)
    else this.#writeNumber(value)
    this.#count++
  }

  #writeName(bytes: Buffer, start: number, stop: number): void {
    const out = this.#out
    out.reserve(maxTextBytes(stop - start))
    if (this.#count > 0) out.bytes[out.length++] = COMMA
    const end = writeName(bytes, start, stop, out.bytes, out.length)
    out.bytes[end] = EQUALS
    out.length = end + 1
  }

  #writeText(inside: Span): void {
    if (!hasEscape(this.#bytes, inside)) {
      this.#writeQuoted(this.#bytes, inside)
      return
    }
    const text = Buffer.from(textIn(this.#bytes, inside))
    this.#writeQuoted(text, { start: 0, stop: text.length })
  }

  #writeQuoted(bytes: Buffer, { start, stop }: Span): void {
    const out = this.#out
    out.reserve(maxTextBytes(stop - start))
    out.length = writeString(bytes, start, stop, out.bytes, out.length)
  }

  #writeNumber(value: Span): void {
    const bytes = this.#bytes
    let mayBeLarge = value.stop - value.start >= LONG_NUMBER
    for (let at = value.start; at < value.stop && !mayBeLarge; at++) {
      mayBeLarge = ((bytes[at] ?? 0) | 0x20) === 0x65
    }
    if (mayBeLarge) {
      const text = bytes.toString('latin1', value.start, value.stop)
      if (!Number.isFinite(Number(text)))
        throw new RangeError(`the number ${text.slice(0, 40)} is out of range`)
    }
    this.#copy(value.start, value.stop)
  }

  #copy(start: number, stop: number): void {
    const out = this.#out
    out.reserve(stop - start)
    out.length = copyBytes(this.#bytes, start, stop, out.bytes, out.length)
  }
}

/** An object with the last member of each name, which is what JSON.parse takes. */
export function withoutSameNames(bytes: Buffer, members: readonly Member[]): Buffer {
  const last = new Map(members.map((member) => [textIn(bytes, member.name), member.value]))
  const texts = [...last].map(
    ([name, value]) => `${JSON.stringify(name)}:${bytes.toString('utf8', value.start, value.stop)}`,
  )
  return Buffer.from(`{${texts.join()}}`)
}
