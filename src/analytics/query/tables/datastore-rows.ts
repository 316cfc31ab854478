import * as z from 'zod'
import { MAX_SQL_CHARACTERS } from '../../duckdb/sql-text.ts'

const time = z.int()

/** Which rows of the datastores that a statement names it sees. Times are ms since 1970. */
export const datastoreRows = z.strictObject({
  /** An SQL expression over a datastore's columns that gives a timestamp. */
  timeExpression: z
    .string()
    .max(MAX_SQL_CHARACTERS, `expected at most ${MAX_SQL_CHARACTERS} characters`)
    .optional(),
  /** Rows with `from ≤ timeExpression < until`. */
  from: time.optional(),
  until: time.optional(),
  /** Rows whose message arrived at `arrivedFrom ≤ x < arrivedUntil`. */
  arrivedFrom: time.optional(),
  arrivedUntil: time.optional(),
})

export type DatastoreRows = z.output<typeof datastoreRows>
