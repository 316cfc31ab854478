/** The values of one typed column in one row group, read from JSON values. */
import { BytesColumn, type Column, FlagColumn, NumberColumn } from '../parquet/columns.ts'
import { CONVERTED, TYPE } from '../parquet/format.ts'
import type { ColumnType } from './column-options.ts'
import { isTrue, numberIn, typeOfValue } from './json-values.ts'

const BACKSLASH = 0x5c

/** Returns false, and takes nothing, if the value can't stand in the column. */
type Add = (row: number, bytes: Buffer, start: number, stop: number) => boolean

export class TypedValues {
  readonly column: Column
  readonly add: Add

  constructor({ name, type }: { readonly name: string; readonly type: ColumnType }) {
    switch (type) {
      case 'double':
      case 'int64': {
        const column = new NumberColumn(name, TYPE[type])
        this.column = column
        this.add = (row, bytes, start, stop) => {
          if (typeOfValue(bytes[start] ?? 0) !== 'double') return false
          const value = numberIn(bytes, start, stop)
          if (type === 'int64' && !Number.isSafeInteger(value)) return false
          column.add(row, value)
          return true
        }
        return
      }
      case 'boolean': {
        const column = new FlagColumn(name)
        this.column = column
        this.add = (row, bytes, start) => {
          const first = bytes[start] ?? 0
          if (typeOfValue(first) !== 'boolean') return false
          column.add(row, isTrue(first))
          return true
        }
        return
      }
      case 'string': {
        const column = new BytesColumn({ name, converted: CONVERTED.utf8, isOptional: true })
        this.column = column
        this.add = (row, bytes, start, stop) => {
          if (typeOfValue(bytes[start] ?? 0) !== 'string') return false
          addText(column, row, { bytes, start, stop })
          return true
        }
      }
    }
  }
}

/** @param string with its quotes */
function addText(
  column: BytesColumn,
  row: number,
  string: { readonly bytes: Buffer; readonly start: number; readonly stop: number },
): void {
  const { bytes, start, stop } = string
  for (let at = start + 1; at < stop - 1; at++) {
    if (bytes[at] !== BACKSLASH) continue
    column.add(row, JSON.parse(bytes.toString('utf8', start, stop)))
    return
  }
  column.addBytes(row, bytes, start + 1, stop - 1)
}
