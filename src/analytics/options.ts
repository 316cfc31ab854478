import * as z from 'zod'
import { queryOptions } from './query/options.ts'
import { tablesOptions } from './tables/options.ts'

/** Tables and queries on the machine itself. */
export const analyticsOptions = z
  .strictObject({ tables: tablesOptions.optional(), query: queryOptions.prefault({}) })
  .describe('Tables and queries on the data of this machine.')

export type AnalyticsOptions = z.output<typeof analyticsOptions>
