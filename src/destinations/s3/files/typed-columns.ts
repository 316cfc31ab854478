/**
 * Finds the values for typed columns in JSON payloads. A column has the type of its first value,
 * unless it was given one. With `auto`, the members found in the first row group become the columns
 * of the file: its schema must be known when that group is written.
 */
import { isSameText, textIn } from '../../rows/json-members.ts'
import {
  afterWhite,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  endOfString,
  endOfValue,
  isText,
  NOT_JSON,
  OPEN_OBJECT,
  QUOTE,
} from '../../rows/json-scan.ts'
import { type ContentType, contentTypeOf } from '../../rows/payload.ts'
import {
  type ColumnsOption,
  type ColumnType,
  comparable,
  isColumnName,
  MAX_TYPED_COLUMNS,
} from './column-options.ts'
import { isContainer, isNull, typeOfValue } from './json-values.ts'

/** Members of a payload whose names are remembered for the next one. */
const MAX_REMEMBERED = 256
const MAX_NAME_BYTES = 128

export interface TypedColumn {
  /** Unique in a file. */
  readonly number: number
  readonly name: string
  readonly type: ColumnType
}

export interface ValueTarget {
  /** Takes the JSON value in `bytes[start, stop)`. Returns false if it has another type. */
  addValue(column: TypedColumn, bytes: Buffer, start: number, stop: number): boolean
}

/** A member that has a column, or may get one. */
class Candidate {
  readonly name: string
  /** Negative if it has no column yet. */
  number = -1
  type: ColumnType | undefined
  /** The last payload that had it, and where. */
  payload = -1
  start = 0
  stop = 0

  constructor(name: string, type: ColumnType | undefined) {
    this.name = name
    this.type = type
  }
}

interface Remembered {
  /** The name of the member, as it stands in the payload. */
  readonly name: Buffer
  readonly candidate: Candidate | undefined
}

export class TypedColumns {
  /** By the names of members. */
  readonly #candidates = new Map<string, Candidate>()
  readonly #comparable = new Set<string>()
  /** By the place of a member in its payload: devices mostly send the same members. */
  #remembered: Remembered[] = []
  /** In the payload that is being read. */
  readonly #found: Candidate[] = []
  #foundCount = 0
  #payloads = 0
  #columnCount = 0
  #isOpen: boolean
  #isClosed = false
  #conflicts = 0
  readonly #conflictColumns = new Set<string>()

  constructor(option: ColumnsOption) {
    this.#isOpen = option === 'auto'
    if (option === undefined || option === 'auto') return
    for (const { name, type } of option) {
      const candidate = new Candidate(name, type)
      candidate.number = this.#columnCount++
      this.#candidates.set(name, candidate)
    }
  }

  /** Whether payloads have to be read. */
  get areWanted(): boolean {
    return this.#isOpen || this.#candidates.size > 0
  }

  /** Values that had another type than their column. */
  get conflicts(): number {
    return this.#conflicts
  }

  get conflictColumns(): readonly string[] {
    return [...this.#conflictColumns]
  }

  /** The columns of the file, once it is closed. */
  get columns(): TypedColumn[] {
    return [...this.#candidates.values()]
      .filter(isColumn)
      .sort((one, other) => one.number - other.number)
  }

  /** No column is added from now on, and one that has no type yet is left out. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isOpen = false
    this.#remembered = []
    for (const [name, candidate] of this.#candidates) {
      if (!isColumn(candidate)) this.#candidates.delete(name)
    }
  }

  /** Gives the values in the payload `bytes[start, stop)` to the target, and says what it is. */
  add(bytes: Buffer, start: number, stop: number, target: ValueTarget): ContentType {
    this.#payloads++
    this.#foundCount = 0
    if (!this.#readObject(bytes, start, stop)) return contentTypeOf(bytes, start, stop)
    for (let i = 0; i < this.#foundCount; i++) {
      const candidate = this.#found[i]
      if (candidate !== undefined) this.#addValue(candidate, bytes, target)
    }
    return 'application/json'
  }

  #addValue(candidate: Candidate, bytes: Buffer, target: ValueTarget): void {
    const { start, stop } = candidate
    const first = bytes[start] ?? 0
    if (isNull(first)) return
    if (candidate.number < 0 && !this.#becomesColumn(candidate, first)) return
    candidate.type ??= typeOfValue(first)
    // A list may name a member that is an object: it gets no type from that.
    if (!isColumn(candidate)) return
    if (target.addValue(candidate, bytes, start, stop)) return
    this.#conflicts++
    this.#conflictColumns.add(candidate.name)
  }

  #becomesColumn(candidate: Candidate, firstByte: number): boolean {
    if (isContainer(firstByte) || this.#columnCount >= MAX_TYPED_COLUMNS) return false
    const name = comparable(candidate.name)
    if (this.#comparable.has(name)) return false
    this.#comparable.add(name)
    candidate.number = this.#columnCount++
    return true
  }

  /** Notes the members of interest. Returns false if it is not one JSON object. */
  #readObject(bytes: Buffer, start: number, stop: number): boolean {
    let at = afterWhite(bytes, start, stop)
    if (at >= stop || bytes[at] !== OPEN_OBJECT) return false
    at = afterWhite(bytes, at + 1, stop)
    for (let member = 0; at < stop && bytes[at] !== CLOSE_OBJECT; member++) {
      if (member > 0) {
        if (bytes[at] !== COMMA) return false
        at = afterWhite(bytes, at + 1, stop)
      }
      at = this.#readMember(member, bytes, at, stop)
      if (at === NOT_JSON) return false
    }
    return at < stop && afterWhite(bytes, at + 1, stop) === stop && isText(bytes, start, stop)
  }

  /** Returns where the next thing begins after the member. */
  #readMember(member: number, bytes: Buffer, at: number, stop: number): number {
    if (at >= stop || bytes[at] !== QUOTE) return NOT_JSON
    const nameEnd = endOfString(bytes, at + 1, stop)
    if (nameEnd === NOT_JSON) return NOT_JSON
    const colon = afterWhite(bytes, nameEnd, stop)
    if (colon >= stop || bytes[colon] !== COLON) return NOT_JSON
    const start = afterWhite(bytes, colon + 1, stop)
    const end = endOfValue(bytes, start, stop, 1)
    if (end === NOT_JSON) return NOT_JSON
    const candidate = this.#candidateOf(member, bytes, at + 1, nameEnd - 1)
    if (candidate !== undefined) this.#note(candidate, start, end)
    return afterWhite(bytes, end, stop)
  }

  /** Of two members with the same name the last one counts, as for JSON.parse. */
  #note(candidate: Candidate, start: number, stop: number): void {
    if (candidate.payload !== this.#payloads) this.#found[this.#foundCount++] = candidate
    candidate.payload = this.#payloads
    candidate.start = start
    candidate.stop = stop
  }

  #candidateOf(member: number, bytes: Buffer, start: number, stop: number): Candidate | undefined {
    const known = this.#remembered[member]
    if (known !== undefined && isNamed(known, bytes, start, stop)) return known.candidate
    const candidate = this.#look(bytes, start, stop)
    if (member < MAX_REMEMBERED && stop - start <= MAX_NAME_BYTES) {
      const name = Buffer.from(bytes.subarray(start, stop))
      this.#remembered[member] = { name, candidate }
    }
    return candidate
  }

  #look(bytes: Buffer, start: number, stop: number): Candidate | undefined {
    const name = textIn(bytes, { start, stop })
    const known = this.#candidates.get(name)
    if (known !== undefined || !this.#isOpen) return known
    if (this.#columnCount >= MAX_TYPED_COLUMNS || !isColumnName(name)) return undefined
    const candidate = new Candidate(name, undefined)
    this.#candidates.set(name, candidate)
    return candidate
  }
}

function isColumn(candidate: Candidate): candidate is Candidate & TypedColumn {
  return candidate.number >= 0 && candidate.type !== undefined
}

function isNamed({ name }: Remembered, bytes: Buffer, start: number, stop: number): boolean {
  return isSameText(bytes, start, stop, name, 0, name.length)
}
