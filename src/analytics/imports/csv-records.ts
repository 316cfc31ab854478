/**
 * Divides CSV (RFC 4180) into records, as text comes in. A field without quotes and without
 * characters is NULL, as Athena writes it; `""` is an empty text.
 */
import { DamagedSource } from './damaged-source.ts'

export interface CsvRecord {
  /** Where it begins; the header is in line 1. */
  readonly line: number
  readonly fields: readonly (string | null)[]
}

const MAX_RECORD_CHARACTERS = 4 * 1024 * 1024

type State = 'fieldStart' | 'plain' | 'quoted' | 'quoteInQuoted'

export class CsvRecords {
  #state: State = 'fieldStart'
  #fields: (string | null)[] = []
  #field = ''
  #line = 1
  #recordLine = 1
  #characters = 0

  /** Records that end in `text`. @throws {DamagedSource} */
  push(text: string): CsvRecord[] {
    const records: CsvRecord[] = []
    let at = 0
    while (at < text.length) {
      // Runs of plain characters are taken at once.
      const stop = this.#state === 'quoted' ? nextQuote(text, at) : nextSpecial(text, at)
      if (stop > at) this.#takeText(text.slice(at, stop))
      if (stop < text.length) this.#takeSpecial(text.charAt(stop), records)
      at = stop + 1
    }
    this.#characters += text.length
    if (records.length > 0) this.#characters = this.#field.length
    if (this.#characters > MAX_RECORD_CHARACTERS + text.length) {
      throw this.#damaged('a quote is not closed, or the record is too long')
    }
    return records
  }

  /** The last record, if the text does not end with the end of a line. @throws {DamagedSource} */
  end(): CsvRecord[] {
    if (this.#state === 'quoted') throw this.#damaged('a quote is not closed')
    const records: CsvRecord[] = []
    if (this.#state !== 'fieldStart' || this.#fields.length > 0) this.#endRecord(records)
    return records
  }

  #takeText(text: string): void {
    if (this.#state === 'quoteInQuoted') {
      throw this.#damaged('expected a comma or the end of the line after a closing quote')
    }
    if (this.#state === 'fieldStart') this.#state = 'plain'
    if (this.#state === 'quoted') this.#line += lineEndsIn(text)
    this.#field += text
  }

  #takeSpecial(character: string, records: CsvRecord[]): void {
    if (this.#state === 'quoted') {
      this.#state = 'quoteInQuoted'
      return
    }
    switch (character) {
      case ',':
        this.#endField()
        return
      case '\n':
        this.#line++
        this.#endRecord(records)
        return
      case '\r':
        // Before the end of the line it belongs to that.
        return
      default:
        this.#takeQuote()
    }
  }

  #takeQuote(): void {
    if (this.#state === 'quoteInQuoted') this.#field += '"'
    else if (this.#state === 'plain') throw this.#damaged('a quote in a field without quotes')
    this.#state = 'quoted'
  }

  #endField(): void {
    this.#fields.push(this.#state === 'fieldStart' ? null : this.#field)
    this.#field = ''
    this.#state = 'fieldStart'
  }

  #endRecord(records: CsvRecord[]): void {
    const isEmptyLine = this.#state === 'fieldStart' && this.#fields.length === 0
    if (!isEmptyLine) {
      this.#endField()
      records.push({ line: this.#recordLine, fields: this.#fields })
    }
    this.#fields = []
    this.#recordLine = this.#line
  }

  #damaged(what: string): DamagedSource {
    return new DamagedSource(`line ${this.#recordLine}: ${what}`)
  }
}

function nextQuote(text: string, from: number): number {
  const found = text.indexOf('"', from)
  return found < 0 ? text.length : found
}

const SPECIAL = /[",\r\n]/g

function nextSpecial(text: string, from: number): number {
  SPECIAL.lastIndex = from
  return SPECIAL.exec(text)?.index ?? text.length
}

function lineEndsIn(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}
