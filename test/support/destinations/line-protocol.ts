/**
 * A parser of line protocol by the description of InfluxDB, for tests: it reads one character after
 * the other, and nothing in it is shared with what it checks.
 */

export interface Point {
  readonly measurement: string
  readonly tags: Readonly<Record<string, string>>
  readonly fields: Readonly<Record<string, number | string | boolean>>
  readonly timestamp: bigint
}

export function parseLine(line: string): Point {
  const reader = new Reader(line)
  const measurement = reader.name(', ')
  // Without a prototype: a device may name a field `__proto__`.
  const tags: Record<string, string> = Object.create(null)
  while (reader.has(',')) {
    const key = reader.name('=, ')
    reader.expect('=')
    tags[key] = reader.name(',= ')
  }
  reader.expect(' ')
  const fields: Record<string, number | string | boolean> = Object.create(null)
  do {
    const key = reader.name('=, ')
    reader.expect('=')
    fields[key] = reader.value()
  } while (reader.has(','))
  reader.expect(' ')
  return { measurement, tags, fields, timestamp: BigInt(reader.rest()) }
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  has(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  expect(character: string): void {
    if (!this.has(character)) {
      throw new Error(`expected ${character} at ${this.#at} of ${JSON.stringify(this.#text)}`)
    }
  }

  rest(): string {
    const rest = this.#text.slice(this.#at)
    if (!/^-?\d+$/.test(rest)) throw new Error(`not a timestamp: ${JSON.stringify(rest)}`)
    return rest
  }

  /** Up to one of the characters that is not escaped. */
  name(ends: string): string {
    let name = ''
    for (;;) {
      const character = this.#text[this.#at]
      if (character === undefined || character === '\n') throw new Error('the line ends in a name')
      if (ends.includes(character)) break
      const next = this.#text[this.#at + 1]
      const isEscape = character === '\\' && next !== undefined && ', ='.includes(next)
      name += isEscape ? next : character
      this.#at += isEscape ? 2 : 1
    }
    if (name === '') throw new Error(`an empty name at ${this.#at}`)
    return name
  }

  value(): number | string | boolean {
    if (this.has('"')) return this.#string()
    const [text = ''] = /^[^, ]+/.exec(this.#text.slice(this.#at)) ?? []
    this.#at += text.length
    if (text === 'true' || text === 'false') return text === 'true'
    if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text))
      throw new Error(`not a number: ${text}`)
    return Number(text)
  }

  #string(): string {
    let text = ''
    while (!this.has('"')) {
      let character = this.#text[this.#at++]
      if (character === '\\' && '"\\'.includes(this.#text[this.#at] ?? ' ')) {
        character = this.#text[this.#at++]
      }
      if (character === undefined || character === '\n') throw new Error('a string does not end')
      text += character
    }
    return text
  }
}
