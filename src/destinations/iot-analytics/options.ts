import * as z from 'zod'
import { size } from '../../unit-options.ts'
import { awsFields, isTlsUsed, TLS_UNUSED } from '../aws/options.ts'

/** AWS IoT Analytics, or anything that speaks its BatchPutMessage. */
export const iotAnalyticsOptions = z
  .strictObject({
    ...awsFields('Where BatchPutMessage is sent. Default: the public endpoint of the region.'),
    maxBatchBytes: size({ min: '128KiB', max: '12.5MiB', example: '512KiB' })
      .prefault('512KiB')
      .describe(
        'Maximum payload bytes in one call, before base64 adds a third. The call has to finish within `timeout`: at 1 Mbit/s the default size takes about 6 seconds.',
      ),
  })
  .refine(isTlsUsed, TLS_UNUSED)
  .describe('BatchPutMessage to AWS IoT Analytics or to a service that implements it.')

export type IotAnalyticsOptions = z.infer<typeof iotAnalyticsOptions>
