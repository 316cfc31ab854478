/**
 * CSV as Athena writes it, for datasets: every name and value in double quotes, a line feed after each
 * line. A null is an empty field without quotes. Times have a space between day and hour, and
 * milliseconds.
 */
import type { DuckDBValue } from '@duckdb/node-api'
import type { ResultColumn, ResultRow, RowFormat } from './row-format.ts'
import { valueText } from './value-text.ts'

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d\.\d{3})\d*(Z?)$/

export class QuotedCsv implements RowFormat {
  /** By column: whether its values are times. */
  #areTimes: readonly boolean[] = []

  begin(columns: readonly ResultColumn[]): string {
    this.#areTimes = columns.map(({ type }) => type.startsWith('TIMESTAMP'))
    return `${columns.map(({ name }) => quotedField(name)).join(',')}\n`
  }

  rows(rows: readonly ResultRow[]): string {
    return rows
      .map((row) => `${row.map((value, column) => this.#field(value, column)).join(',')}\n`)
      .join('')
  }

  end(): string {
    return ''
  }

  #field(value: DuckDBValue, column: number): string {
    if (value === null) return ''
    const text = valueText(value)
    return quotedField(this.#areTimes[column] === true ? athenaTime(text) : text)
  }
}

/** ISO 8601 as Athena writes it: `2026-01-31 12:00:00.000`, and ` UTC` if it says which moment. */
function athenaTime(text: string): string {
  return text.replace(TIMESTAMP, (_whole, day: string, time: string, zone: string) =>
    zone === '' ? `${day} ${time}` : `${day} ${time} UTC`,
  )
}

function quotedField(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}
