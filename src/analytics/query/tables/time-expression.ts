/**
 * A time expression becomes part of a view, so it must be one expression and nothing else: no second
 * column, no clause, no subquery, no comment that hides what follows.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import * as z from 'zod'
import { type ConnectorError, messageOf } from '../../../errors.ts'
import { quoted } from '../../../shown-text.ts'
import { invalidQuery } from '../../duckdb/query-error.ts'
import { parseSelect } from '../../duckdb/select-statement.ts'
import { withStandardQuotes } from '../../duckdb/sql-text.ts'

const empty = z.looseObject({ type: z.literal('EMPTY') })
const oneExpression = z.looseObject({
  statements: z.tuple([
    z.looseObject({
      node: z.looseObject({
        type: z.literal('SELECT_NODE'),
        modifiers: z.array(z.unknown()).max(0),
        cte_map: z.looseObject({ map: z.array(z.unknown()).max(0) }),
        select_list: z.tuple([z.looseObject({ alias: z.literal('') })]),
        from_table: empty,
        where_clause: z.null(),
        group_expressions: z.array(z.unknown()).max(0),
        having: z.null(),
        sample: z.null(),
        qualify: z.null(),
      }),
    }),
  ]),
})

/**
 * The expression as it may stand in parentheses, before a line end.
 * @throws {ConnectorError} InvalidQuery
 */
export async function checkedTimeExpression(
  connection: DuckDBConnection,
  given: string,
): Promise<string> {
  const expression = withStandardQuotes(given)
  const sql = `select ${expression}\n`
  try {
    const { tables } = await parseSelect(connection, sql)
    // In parentheses it must mean the same.
    await parseSelect(connection, `select (${expression}\n)`)
    const reader = await connection.runAndReadAll('select json_serialize_sql($1::varchar)', [sql])
    const tree: unknown = JSON.parse(String(reader.getRows()[0]?.[0]))
    const isOne = oneExpression.safeParse(tree).success && tables.length === 0
    if (isOne && !hasSubquery(tree)) return expression
  } catch (thrown) {
    throw unusable(given, messageOf(thrown))
  }
  throw unusable(given, 'expected one expression over columns, such as from_unixtime(time)')
}

function hasSubquery(tree: unknown): boolean {
  const pending: unknown[] = [tree]
  while (pending.length > 0) {
    const node = pending.pop()
    if (typeof node !== 'object' || node === null) continue
    if ('class' in node && node.class === 'SUBQUERY') return true
    for (const child of Object.values(node)) pending.push(child)
  }
  return false
}

export function unusable(expression: string, reason: string): ConnectorError {
  return invalidQuery(`The timeExpression ${quoted(expression)} can’t be used: ${reason}`)
}
