/**
 * Finds the fields of JSON payloads and their types, from samples. The type of a field is what most
 * of its values have. Members of an object have fields of their own; arrays, and objects in objects,
 * are values.
 */
import type { ColumnType, SampledField } from './columns.ts'

/** How many rows of a range are looked at, in how many places. */
export const SAMPLED_ROWS = 2_000
export const SAMPLED_PLACES = 20
/** More fields than a file has columns: the most frequent ones get them. */
const MAX_FIELDS = 1_000
/** A field that fewer samples have gets no column: keys may be ids that never come again. */
const SMALLEST_SHARE = 1 / 1_000
const MAX_KEY_LENGTH = 256
/** Beyond it JavaScript and DOUBLE lose digits. */
const LARGEST_INTEGER = 2 ** 53

/** How many values of each kind a field has; null does not count. */
interface FieldTally {
  readonly path: readonly string[]
  integers: number
  fractions: number
  /** Integers that no number holds exactly: ids, times in nanoseconds. */
  longIntegers: number
  booleans: number
  /** Strings, arrays, and objects that have no fields of their own. */
  texts: number
  objects: number
}

/** A key of the payload, and the keys of the objects that are its values. */
interface OuterField {
  readonly tally: FieldTally
  readonly members: Map<string, FieldTally>
}

export class FieldSampling {
  readonly #fields = new Map<string, OuterField>()
  #tallies = 0
  #samples = 0

  /** A payload that is no JSON object has no fields. */
  add(payload: Uint8Array): void {
    this.#samples++
    const root = parse(payload)
    if (!isObject(root)) return
    for (const [key, value] of Object.entries(root)) {
      if (value === null) continue
      const field = this.#fields.get(key) ?? this.#newField(key)
      if (field === undefined) continue
      field.tally[kindOf(value, 1)]++
      if (!isObject(value)) continue
      for (const [inner, member] of Object.entries(value)) this.#addMember(field, inner, member)
    }
  }

  /** The most frequent ones first. */
  fields(): SampledField[] {
    const atLeast = this.#samples * SMALLEST_SHARE
    return [...this.#fields.values()]
      .flatMap(({ tally, members }) => (hasMembers(tally) ? [...members.values()] : [tally]))
      .filter((tally) => totalOf(tally) >= atLeast)
      .sort((left, right) => totalOf(right) - totalOf(left))
      .map((tally) => ({ path: tally.path, type: typeOf(tally) }))
  }

  #addMember({ tally: { path }, members }: OuterField, key: string, value: unknown): void {
    if (value === null) return
    let tally = members.get(key)
    if (tally === undefined) {
      tally = this.#newTally([...path, key])
      if (tally === undefined) return
      members.set(key, tally)
    }
    tally[kindOf(value, 2)]++
  }

  #newField(key: string): OuterField | undefined {
    const tally = this.#newTally([key])
    const field = tally && { tally, members: new Map() }
    if (field !== undefined) this.#fields.set(key, field)
    return field
  }

  /** Undefined if there are too many already, or the key can't be read. */
  #newTally(path: readonly string[]): FieldTally | undefined {
    if (this.#tallies >= MAX_FIELDS || !path.every(isUsableKey)) return undefined
    this.#tallies++
    return emptyTally(path)
  }
}

type ValueKind = Exclude<keyof FieldTally, 'path'>

/** @param depth 1 for a key of the payload, 2 for a member of an object in it */
function kindOf(value: unknown, depth: 1 | 2): ValueKind {
  if (typeof value === 'boolean') return 'booleans'
  if (typeof value === 'number') return numberKindOf(value)
  return depth === 1 && isObject(value) ? 'objects' : 'texts'
}

function numberKindOf(value: number): ValueKind {
  if (!Number.isInteger(value)) return 'fractions'
  if (Math.abs(value) < LARGEST_INTEGER) return 'integers'
  // From 1e21 on it is written with an exponent: a measurement, not an id.
  return String(value).includes('e') ? 'fractions' : 'longIntegers'
}

function typeOf(tally: FieldTally): ColumnType {
  const numbers = tally.integers + tally.fractions
  const texts = tally.texts + tally.objects
  const most = Math.max(numbers, tally.longIntegers, tally.booleans, texts)
  if (most === texts || most === tally.longIntegers) return 'VARCHAR'
  if (most === tally.booleans) return 'BOOLEAN'
  return tally.fractions > 0 ? 'DOUBLE' : 'BIGINT'
}

function hasMembers(tally: FieldTally): boolean {
  return tally.objects * 2 > totalOf(tally)
}

function totalOf(tally: FieldTally): number {
  const { integers, fractions, longIntegers, booleans, texts, objects } = tally
  return integers + fractions + longIntegers + booleans + texts + objects
}

function emptyTally(path: readonly string[]): FieldTally {
  return { path, integers: 0, fractions: 0, longIntegers: 0, booleans: 0, texts: 0, objects: 0 }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(payload))
  } catch {
    return undefined
  }
}

/** DuckDB reads no empty keys, and no halves of surrogate pairs. */
function isUsableKey(key: string): boolean {
  return key !== '' && key.length <= MAX_KEY_LENGTH && !/\p{Surrogate}/u.test(key)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
