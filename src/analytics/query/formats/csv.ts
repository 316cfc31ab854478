/**
 * CSV as in RFC 4180: a line with the names, CR LF after each line. A null is an empty field; an
 * empty text is quoted, so that the two differ.
 */
import type { ResultColumn, ResultRow, RowFormat } from './row-format.ts'
import { valueText } from './value-text.ts'

export class Csv implements RowFormat {
  begin(columns: readonly ResultColumn[]): string {
    return lineOf(columns.map(({ name }) => field(name)))
  }

  rows(rows: readonly ResultRow[]): string {
    return rows
      .map((row) => lineOf(row.map((value) => (value === null ? '' : field(valueText(value))))))
      .join('')
  }

  end(): string {
    return ''
  }
}

function lineOf(fields: readonly string[]): string {
  return `${fields.join(',')}\r\n`
}

function field(text: string): string {
  return text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
