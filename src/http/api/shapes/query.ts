/** `GET query`: the queries that run. `GET tables`: what can be asked. */
import * as z from 'zod'
import { count, time } from './basics.ts'

export const tableList = z.strictObject({
  tables: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.enum(['channel', 'datastore']),
      /**
       * Those of the Parquet files. Null while a channel has none, and if the list of the files is
       * too long or damaged: then `describe` in a query finds the columns in the messages.
       */
      columns: z.array(z.strictObject({ name: z.string(), type: z.string() })).nullable(),
      /** Messages in the log of a channel; null if it has no log. */
      rows: count.nullable(),
    }),
  ),
  /** What to pass as `after`: a name such as `channels.pumps`. Null on the last page. */
  next: z.string().nullable(),
})
export type TableList = z.infer<typeof tableList>

/** Those that wait for their turn included. */
export const queryList = z.strictObject({
  queries: z.array(
    z.strictObject({
      /** For `DELETE query/{id}`; the header `x-query-id` of the result has it too. */
      id: z.string(),
      /** At most 1,000 characters. */
      sql: z.string(),
      since: time,
      /** The name of the token or certificate that asked; null without one. */
      askedBy: z.string().nullable(),
    }),
  ),
})
