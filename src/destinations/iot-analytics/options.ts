import { z } from 'zod'

/** AWS IoT Analytics, or anything that speaks its BatchPutMessage. */
export const iotAnalyticsOptions = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Where BatchPutMessage is sent. Default: the public endpoint of the region.'),
    region: z
      .string()
      .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be a Region such as us-west-2')
      .optional()
      .describe('Region to sign for. Default: PublishRegion, then AWS_REGION.'),
    timeout: z
      .number()
      .int()
      .min(100)
      .max(300_000)
      .default(10_000)
      .describe('Milliseconds one attempt of a call may take, connecting included.'),
  })
  .describe('BatchPutMessage to AWS IoT Analytics or to a service that speaks it.')

export type IotAnalyticsOptions = z.infer<typeof iotAnalyticsOptions>
