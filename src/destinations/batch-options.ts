import * as z from 'zod'
import { duration, size } from '../unit-options.ts'

/** `batch` of an entry of `destinations`. What is not set is up to the destination. */
export const batchOptions = z
  .strictObject({
    messages: z
      .number()
      .int()
      .min(1)
      .max(10_000_000)
      .optional()
      .describe('Maximum messages per batch.'),
    bytes: size({ min: '1KiB', max: '4GiB', example: '1MiB' })
      .optional()
      .describe('Maximum payload bytes per batch. A longer message is a batch of its own.'),
    interval: duration({ min: '0ms', max: '1d', example: '1s' })
      .optional()
      .describe(
        'A batch that is not full is sent after this time, counted from its oldest message.',
      ),
  })
  .describe(
    'When a batch is sent: as soon as one of these is reached. Each destination has defaults and limits of its own. For iotAnalytics, the parameters IotAnalyticsBatchSizePerChannel and PublishInterval apply instead.',
  )

export type BatchOptions = z.output<typeof batchOptions>
