import * as z from 'zod'
import { MAX_CHAIN_MESSAGES } from '../../chain/origin.ts'
import { size } from '../../unit-options.ts'
import { awsFields, isTlsUsed, TLS_UNUSED } from '../aws/options.ts'

/** Quota of BatchPutMessage (L-59E2DC0E), not adjustable. Specification, Limits. */
export const MAX_BATCH_MESSAGES = 100

/** AWS IoT Analytics, or anything that speaks its BatchPutMessage. */
export const iotAnalyticsOptions = z
  .strictObject({
    ...awsFields('Where BatchPutMessage is sent. Default: the public endpoint of the region.'),
    maxBatchMessages: z
      .number()
      .int()
      .min(1)
      .max(MAX_CHAIN_MESSAGES)
      .optional()
      .describe(
        'Maximum messages in one call, in place of IotAnalyticsBatchSizePerChannel. More than 100 are for an endpoint that is another connector: each call costs a synced write there, so 1000 takes a fraction of the CPU time.',
      )
      .meta({ examples: [1_000] }),
    maxBatchBytes: size({ min: '128KiB', max: '12.5MiB', example: '512KiB' })
      .prefault('512KiB')
      .describe(
        'Maximum payload bytes in one call, before base64 adds a third. The call has to finish within `timeout`: at 1 Mbit/s the default size takes about 6 seconds.',
      ),
  })
  .refine(isTlsUsed, TLS_UNUSED)
  .refine(
    ({ maxBatchMessages = 0, endpoint }) =>
      maxBatchMessages <= MAX_BATCH_MESSAGES || endpoint !== undefined,
    {
      path: ['maxBatchMessages'],
      error: 'must be at most 100, which is what AWS takes, unless endpoint is another connector',
    },
  )
  .describe('BatchPutMessage to AWS IoT Analytics or to a service that implements it.')

export type IotAnalyticsOptions = z.infer<typeof iotAnalyticsOptions>
