/**
 * The columns of tables that the connector has not listed: it is asked to describe each table that a
 * person opens or names in the query.
 */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { TableList } from '../../../src/http/api/shapes/query.ts'
import { quotedName } from './quoted-name.ts'
import { runQuery } from './run-query.ts'

type Columns = NonNullable<TableList['tables'][number]['columns']>

/** After the last key, so that no half-typed name is asked for. */
const PAUSE_MS = 500
/** A text may name many. */
const MAX_DESCRIBED = 20

export interface DescribedTables {
  /** With the columns that have come meanwhile. */
  readonly list: TableList | undefined
  readonly describe: (table: string) => void
}

export function useColumns(list: TableList | undefined, sql: string): DescribedTables {
  const found = useSignal<ReadonlyMap<string, Columns>>(new Map())
  const asked = useRef(new Set<string>()).current
  const abort = useRef(new AbortController()).current
  const describe = (table: string): void => {
    if (asked.has(table) || asked.size >= MAX_DESCRIBED) return
    asked.add(table)
    columnsOf(table, abort.signal).then(
      (columns) => {
        found.value = new Map([...found.value, [table, columns]])
      },
      // Then there is no help while typing; the query itself says what is wrong.
      () => asked.delete(table),
    )
  }
  useEffect(() => () => abort.abort(), [])
  useEffect(() => {
    const pause = setTimeout(() => {
      const words = new Set(sql.match(/\w+/g))
      for (const { name, columns } of list?.tables ?? []) {
        if (columns === null && words.has(name)) describe(name)
      }
    }, PAUSE_MS)
    return () => clearTimeout(pause)
  }, [list, sql])
  return { list: list && withColumns(list, found.value), describe }
}

function withColumns({ tables, next }: TableList, found: ReadonlyMap<string, Columns>): TableList {
  return {
    next,
    tables: tables.map((table) => ({
      ...table,
      columns: table.columns ?? found.get(table.name) ?? null,
    })),
  }
}

async function columnsOf(table: string, signal: AbortSignal): Promise<Columns> {
  const { rows } = await runQuery(`describe ${quotedName(table)}`, { signal })
  return rows.map((row) => {
    const text = (name: string): string => row.find((cell) => cell.name === name)?.text ?? ''
    return { name: text('column_name'), type: text('column_type') }
  })
}
