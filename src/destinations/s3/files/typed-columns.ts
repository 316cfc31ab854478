/**
 * Collects values of JSON payloads in columns. A column has the type of its first value, unless it
 * was given one. With `auto`, the members found in the first row group become the columns of the
 * file: its schema must be known when that group is written.
 */
import {
  type ColumnsOption,
  type ColumnType,
  comparable,
  isColumnName,
  MAX_TYPED_COLUMNS,
} from './column-options.ts'

export type ColumnValue = number | bigint | boolean | string | null

/** The values of one column in one row group. */
export interface TakenColumn {
  readonly name: string
  readonly type: ColumnType
  readonly values: readonly ColumnValue[]
}

class TypedColumn {
  readonly name: string
  type: ColumnType | undefined
  values: ColumnValue[] = []

  constructor(name: string, type: ColumnType | undefined) {
    this.name = name
    this.type = type
  }

  /** Adds the value of row `row`. Returns false if it has another type. */
  add(row: number, value: unknown): boolean {
    this.pad(row)
    this.type ??= typeOf(value)
    const fitting = this.type === undefined ? null : fittingValue(value, this.type)
    this.values.push(fitting ?? null)
    return fitting !== undefined
  }

  /** Rows without a value have NULL. */
  pad(rows: number): void {
    while (this.values.length < rows) this.values.push(null)
  }
}

export class TypedColumns {
  /** By the names of members. */
  readonly #columns = new Map<string, TypedColumn>()
  readonly #comparable = new Set<string>()
  #isOpen: boolean
  #conflicts = 0

  constructor(option: ColumnsOption) {
    this.#isOpen = option === 'auto'
    if (option === undefined || option === 'auto') return
    for (const { name, type } of option) this.#columns.set(name, new TypedColumn(name, type))
  }

  /** Whether payloads have to be parsed. */
  get areWanted(): boolean {
    return this.#isOpen || this.#columns.size > 0
  }

  /** Values that had another type than their column. */
  get conflicts(): number {
    return this.#conflicts
  }

  /** @param payload what the payload of row `row` means as JSON */
  add(row: number, payload: unknown): void {
    if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return
    for (const [name, value] of Object.entries(payload)) {
      if (value === null) continue
      const column = this.#columns.get(name) ?? this.#newColumn(name, value)
      if (column === undefined) continue
      if (!column.add(row, value)) this.#conflicts++
    }
  }

  /**
   * Takes the values of a row group of `rows` rows. No column is added afterwards, and one that has
   * no type yet is left out.
   */
  take(rows: number): TakenColumn[] {
    this.#isOpen = false
    const taken: TakenColumn[] = []
    for (const [member, column] of this.#columns) {
      const { name, type, values } = column
      if (type === undefined) {
        this.#columns.delete(member)
        continue
      }
      column.pad(rows)
      column.values = []
      taken.push({ name, type, values })
    }
    return taken
  }

  #newColumn(name: string, value: unknown): TypedColumn | undefined {
    if (!this.#isOpen || this.#columns.size >= MAX_TYPED_COLUMNS) return undefined
    if (typeOf(value) === undefined || !isColumnName(name)) return undefined
    if (this.#comparable.has(comparable(name))) return undefined
    this.#comparable.add(comparable(name))
    const column = new TypedColumn(name, undefined)
    this.#columns.set(name, column)
    return column
  }
}

/** Numbers are doubles, because a device may send 21 and then 21.5. */
function typeOf(value: unknown): ColumnType | undefined {
  if (typeof value === 'number') return 'double'
  if (typeof value === 'boolean') return 'boolean'
  return typeof value === 'string' ? 'string' : undefined
}

/** Undefined if the value can't stand in a column of this type. */
function fittingValue(value: unknown, type: ColumnType): ColumnValue | undefined {
  switch (type) {
    case 'double':
      return typeof value === 'number' ? value : undefined
    case 'int64':
      return Number.isSafeInteger(value) ? BigInt(value as number) : undefined
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'string':
      return typeof value === 'string' ? value : undefined
  }
}
