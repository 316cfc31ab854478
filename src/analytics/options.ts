import * as z from 'zod'
import { queryOptions } from './query/options.ts'

export const analyticsOptions = z
  .strictObject({
    query: queryOptions.prefault({}),
  })
  .describe('Data on the box: SQL on the stored messages.')

export type AnalyticsOptions = z.output<typeof analyticsOptions>
