/** Reads the CSV of datasets: every value in double quotes, nothing for NULL (see `QuotedCsv`). */

const QUOTE = '"'

/** Of one line; `null` for NULL. */
export type TextRow = readonly (string | null)[]

/** @throws {RangeError} for a line of more characters than `maxCharacters` */
export async function* rowsOf(
  parts: AsyncIterable<Buffer>,
  maxCharacters: number,
): AsyncGenerator<TextRow> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const reader = new RowReader(maxCharacters)
  for await (const part of parts) yield* reader.push(decoder.decode(part, { stream: true }))
}

class RowReader {
  readonly #maxCharacters: number
  /** What came after the last line that is complete. */
  #rest = ''
  /** How much of it has been looked at, up to a quote or a line end. */
  #seen = 0
  #isQuoted = false

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters
  }

  *push(text: string): Generator<TextRow> {
    this.#rest += text
    let start = 0
    for (; this.#seen < this.#rest.length; this.#seen++) {
      const character = this.#rest[this.#seen]
      // Two quotes in a row open and close, which comes to the same.
      if (character === QUOTE) this.#isQuoted = !this.#isQuoted
      if (character !== '\n' || this.#isQuoted) continue
      yield fieldsOf(this.#rest.slice(start, this.#seen))
      start = this.#seen + 1
    }
    this.#rest = this.#rest.slice(start)
    this.#seen -= start
    if (this.#rest.length > this.#maxCharacters) {
      throw new RangeError(`a row has more than ${this.#maxCharacters} characters`)
    }
  }
}

const FIELD = /(?:"((?:[^"]|"")*)")?(?:,|$)/y

function fieldsOf(line: string): TextRow {
  const fields: (string | null)[] = []
  FIELD.lastIndex = 0
  for (;;) {
    const match = FIELD.exec(line)
    if (match === null) return fields
    fields.push(match[1]?.replaceAll('""', QUOTE) ?? null)
    if (!match[0].endsWith(',')) return fields
  }
}
