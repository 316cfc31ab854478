/** `POST query`: rows as they come, and a summary behind them. `GET tables`: what can be asked. */
import * as z from 'zod'
import { count } from './basics.ts'

export const tableList = z.strictObject({
  tables: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.enum(['channel', 'datastore']),
      /** Null if they are not known yet. */
      columns: z.array(z.strictObject({ name: z.string(), type: z.string() })).nullable(),
      rows: count.nullable(),
    }),
  ),
})
export type TableList = z.infer<typeof tableList>
