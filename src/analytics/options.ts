import * as z from 'zod'
import { apiOptions } from './api/options.ts'
import { datasetsOptions } from './datasets/options.ts'
import { pipelinesOptions } from './pipelines/options.ts'
import { queryOptions } from './query/options.ts'
import { tablesOptions } from './tables/options.ts'
import { uploadOptions } from './uploads/options.ts'

/** Data on the machine itself: tables, queries, and the API of AWS IoT Analytics. */
export const analyticsOptions = z
  .strictObject({
    tables: tablesOptions
      .extend({ upload: uploadOptions.optional() })
      .describe(tablesOptions.description ?? '')
      .optional(),
    query: queryOptions.prefault({}),
    api: apiOptions.optional(),
    datasets: datasetsOptions.prefault({}),
    pipelines: pipelinesOptions.prefault({}),
  })
  .describe('Data on this machine: Parquet files, SQL, and the API of AWS IoT Analytics.')

export type AnalyticsOptions = z.output<typeof analyticsOptions>
