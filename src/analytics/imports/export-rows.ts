/**
 * Rows of an export as JSON payloads. CSV has no types: what is written as a number or as true or
 * false becomes one, with its digits as they are, and everything else is a string. The type of the
 * column then follows from all its values, as for messages.
 *
 * A column that the datastore declares tells more: a text stays one, whatever it looks like, and
 * arrays, maps and structures may be written as JSON.
 */
import { dayOfDirectory, startOfDay } from '../tables/table-file.ts'
import { type CsvRecord, CsvRecords } from './csv-records.ts'
import { DamagedSource } from './damaged-source.ts'
import type { StagedRow } from './staged-row.ts'

const DAY_COLUMN = '__dt'
/** Columns that the service has added; the connector has its own. */
const SERVICE_COLUMN = /^__/
const MAX_COLUMNS = 1_000
const NUMBER = /^-?(?:0|[1-9]\d{0,30})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?$/

/** As the datastore declares it, with a type of DuckDB. */
export interface ExportColumn {
  readonly name: string
  readonly type: string
}

interface Column {
  readonly index: number
  /** The name and the colon, as JSON. */
  readonly key: string
  readonly jsonOf: (field: string) => string
}

/** Of DuckDB. */
const TEXT = /^(?:VARCHAR|BLOB|DATE|TIMESTAMP)$/
const NESTED = /^(?:MAP|STRUCT)\(|\[\]$/

export class ExportRows {
  readonly #records = new CsvRecords()
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  readonly #day: string | undefined
  readonly #declared: ReadonlyMap<string, string>
  #columns: readonly Column[] | undefined
  #width = 0
  #dayIndex = -1

  /** @param day of rows in a file without the column `__dt` */
  constructor(day: string | undefined, declared: readonly ExportColumn[] = []) {
    this.#day = day
    this.#declared = new Map(declared.map(({ name, type }) => [name, type]))
  }

  /** @throws {DamagedSource} */
  push(chunk: Buffer): StagedRow[] {
    return this.#rowsOf(this.#records.push(this.#text(chunk, true)))
  }

  /** @throws {DamagedSource} */
  end(): StagedRow[] {
    const records = this.#records.push(this.#text(Buffer.alloc(0), false))
    const rows = this.#rowsOf([...records, ...this.#records.end()])
    if (this.#columns === undefined)
      throw new DamagedSource('expected a line with names of columns')
    return rows
  }

  #text(chunk: Buffer, stream: boolean): string {
    try {
      return this.#decoder.decode(chunk, { stream })
    } catch {
      throw new DamagedSource('expected UTF-8')
    }
  }

  #rowsOf(records: readonly CsvRecord[]): StagedRow[] {
    const rows: StagedRow[] = []
    for (const record of records) {
      if (this.#columns === undefined) this.#readHeader(record)
      else rows.push(this.#rowOf(record, this.#columns))
    }
    return rows
  }

  #readHeader({ fields }: CsvRecord): void {
    const names = fields.map((field) => field ?? '')
    if (names.length > MAX_COLUMNS) {
      throw new DamagedSource(`expected at most ${MAX_COLUMNS} columns, got ${names.length}`)
    }
    const isUnnamed = names.some((name) => name === '')
    if (isUnnamed || new Set(names).size < names.length) {
      throw new DamagedSource('line 1: expected a name for each column, each of them once')
    }
    this.#dayIndex = names.indexOf(DAY_COLUMN)
    if (this.#dayIndex < 0 && this.#day === undefined) {
      throw new DamagedSource(`line 1: expected the column ${DAY_COLUMN}, or --day`)
    }
    this.#width = names.length
    this.#columns = names.flatMap((name, index) =>
      SERVICE_COLUMN.test(name)
        ? []
        : [{ index, key: `${JSON.stringify(name)}:`, jsonOf: writerOf(this.#declared.get(name)) }],
    )
  }

  #rowOf({ line, fields }: CsvRecord, columns: readonly Column[]): StagedRow {
    if (fields.length !== this.#width) {
      throw new DamagedSource(`line ${line}: expected ${this.#width} fields, got ${fields.length}`)
    }
    const day = this.#dayIndex < 0 ? this.#day : dayIn(fields[this.#dayIndex] ?? '')
    if (day === undefined) {
      throw new DamagedSource(`line ${line}: ${DAY_COLUMN}: expected a day such as 2020-10-15`)
    }
    let json = ''
    for (const { index, key, jsonOf } of columns) {
      const field = fields[index] ?? null
      if (field === null) continue
      json += `${json === '' ? '' : ','}${key}${jsonOf(field)}`
    }
    return { day, arrivedAt: startOfDay(day), payload: Buffer.from(`{${json}}`) }
  }
}

function writerOf(type: string | undefined): Column['jsonOf'] {
  if (type === undefined) return valueByText
  if (TEXT.test(type)) return JSON.stringify
  return NESTED.test(type) ? nestedValue : valueByText
}

function valueByText(field: string): string {
  if (field === 'true' || field === 'false' || NUMBER.test(field)) return field
  return JSON.stringify(field)
}

function nestedValue(field: string): string {
  try {
    JSON.parse(field)
    return field
  } catch {
    return JSON.stringify(field)
  }
}

function dayIn(text: string): string | undefined {
  return dayOfDirectory(`__dt=${text.replace(/[ T]00:00:00(?:\.0+)?Z?$/, '')}`)
}
