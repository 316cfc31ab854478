import * as z from 'zod'
import { apiOptions } from './api/options.ts'

export const analyticsOptions = z
  .strictObject({
    api: apiOptions.optional(),
  })
  .describe('Data on the box: the API of AWS IoT Analytics.')

export type AnalyticsOptions = z.output<typeof analyticsOptions>
