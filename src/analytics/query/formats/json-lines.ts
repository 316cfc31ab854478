/**
 * JSON lines: an object for each row. Numbers have all their digits, also those beyond 2^53, and
 * values of the type JSON are part of the line.
 */
import type { DuckDBValue } from '@duckdb/node-api'
import type { ResultColumn, ResultRow, RowFormat } from './row-format.ts'
import { lineOfJson, valueJson } from './value-text.ts'

export class JsonLines implements RowFormat {
  #members: readonly { readonly name: string; readonly isJson: boolean }[] = []

  begin(columns: readonly ResultColumn[]): string {
    this.#members = columns.map(({ name, type }) => ({
      name: `${JSON.stringify(name)}:`,
      isJson: type === 'JSON',
    }))
    return ''
  }

  rows(rows: readonly ResultRow[]): string {
    return rows.map((row) => this.#line(row)).join('')
  }

  end(): string {
    return ''
  }

  #line(row: ResultRow): string {
    const members = this.#members.map(
      ({ name, isJson }, index) => name + memberJson(row[index] ?? null, isJson),
    )
    return `{${members.join(',')}}\n`
  }
}

function memberJson(value: DuckDBValue, isJson: boolean): string {
  return isJson && typeof value === 'string' ? lineOfJson(value) : valueJson(value)
}
