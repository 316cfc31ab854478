/**
 * Types of a Parquet datastore's columns, as AWS Glue writes them (`array<struct<a:int>>`), in the
 * terms of DuckDB.
 */
import { quoted } from '../../../shown-text.ts'
import { quotedName } from '../../duckdb/sql-text.ts'

const PLAIN: Readonly<Record<string, string>> = {
  boolean: 'BOOLEAN',
  tinyint: 'TINYINT',
  smallint: 'SMALLINT',
  int: 'INTEGER',
  integer: 'INTEGER',
  bigint: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  string: 'VARCHAR',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
}
const MAX_PRECISION = 38
const MAX_DEPTH = 100
const NAMES = [...Object.keys(PLAIN), 'decimal(p,s)', 'varchar(n)', 'char(n)'].join(', ')
const RULE = `expected ${NAMES}, array<…>, map<…,…> or struct<name:…>`

/** @throws {RangeError} that says what was expected, and where it was not found */
export function duckdbTypeOf(glueType: string): string {
  const parser = new TypeParser(glueType)
  const type = parser.type(0)
  parser.end()
  return type
}

class TypeParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  type(depth: number): string {
    if (depth > MAX_DEPTH) throw new RangeError(`expected at most ${MAX_DEPTH} types in each other`)
    const name = this.#take(/\s*([A-Za-z]+)/y)?.toLowerCase() ?? ''
    if (name === 'array') return this.#array(depth)
    if (name === 'map') return this.#map(depth)
    if (name === 'struct') return this.#struct(depth)
    if (name === 'decimal' || name === 'numeric') return this.#decimal()
    if (name === 'varchar' || name === 'char') {
      if (this.#take(/\s*\(\s*(\d+)\s*\)/y) === undefined) throw this.#unexpected()
      return 'VARCHAR'
    }
    const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined
    if (plain === undefined) throw this.#unexpected()
    return plain
  }

  end(): void {
    if (this.#text.slice(this.#at).trim() !== '') throw this.#unexpected()
  }

  #array(depth: number): string {
    this.#expect('<')
    const item = this.type(depth + 1)
    this.#expect('>')
    return `${item}[]`
  }

  #map(depth: number): string {
    this.#expect('<')
    const key = this.type(depth + 1)
    this.#expect(',')
    const value = this.type(depth + 1)
    this.#expect('>')
    return `MAP(${key}, ${value})`
  }

  #struct(depth: number): string {
    const members: string[] = []
    this.#expect('<')
    do {
      const name = this.#take(/\s*([^\s:<>,]+)/y)
      if (name === undefined) throw this.#unexpected()
      this.#expect(':')
      members.push(`${quotedName(name)} ${this.type(depth + 1)}`)
    } while (this.#take(/\s*(,)/y) !== undefined)
    this.#expect('>')
    return `STRUCT(${members.join(', ')})`
  }

  #decimal(): string {
    const digits = this.#take(/\s*\(\s*(\d+\s*(?:,\s*\d+)?)\s*\)/y) ?? '10,0'
    const [precision = 0, scale = 0] = digits.split(',').map(Number)
    if (precision < 1 || precision > MAX_PRECISION || scale > precision) {
      const text = `expected a precision of 1 to ${MAX_PRECISION}, and a scale up to it`
      throw new RangeError(`${text}, got decimal(${digits})`)
    }
    return `DECIMAL(${precision},${scale})`
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null) return undefined
    this.#at = pattern.lastIndex
    return found[1]
  }

  #expect(sign: '<' | '>' | ',' | ':'): void {
    if (this.#take(new RegExp(`\\s*(${sign})`, 'y')) === undefined) throw this.#unexpected()
  }

  #unexpected(): RangeError {
    return new RangeError(`${RULE}, got ${quoted(this.#text, 64)} (character ${this.#at + 1})`)
  }
}
