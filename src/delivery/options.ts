import * as z from 'zod'
import { parseTime } from '../iso-time.ts'
import { size } from '../unit-options.ts'

const FROM = 'expected now, earliest or a time such as 2026-01-31T12:00:00Z'
const MAX_RATE = 1_000_000_000_000

const rate = (description: string) =>
  z.number().positive().max(MAX_RATE).optional().describe(description)

/** How messages are sent to one destination; part of each entry of `destinations`. */
export const deliveryOptions = {
  from: z
    .string(FROM)
    .refine((text) => text === 'now' || text === 'earliest' || parseTime(text) !== undefined, {
      error: FROM,
      params: { showsValue: true },
    })
    .optional()
    .describe(
      'Where a new destination starts: now, earliest (everything stored) or a time. A known destination continues where it was. Default: now; if the first destination is new, it takes over the position of the former first one.',
    )
    .meta({ examples: ['earliest'] }),
  batchesInFlight: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe(
      'Maximum batches of one channel in flight at once. More than 1 is faster on a slow connection, but a batch that is sent again may arrive out of order.',
    ),
  catchUp: z
    .strictObject({
      order: z
        .enum(['backlog-first', 'live-first'])
        .default('backlog-first')
        .describe(
          'What to send first after an outage, or on a start with a backlog: the oldest messages, or new messages with the backlog behind them. With live-first, the backlog and the new messages each keep their order, and the two are interleaved.',
        ),
      maxMessagesPerSecond: rate('Maximum messages per second, over all channels.'),
      maxBytesPerSecond: size({ min: '1B', max: '1TB', example: '1MiB' })
        .optional()
        .describe('Maximum payload bytes per second, over all channels.'),
    })
    .prefault({})
    .describe('How a backlog is sent, and the highest rate for all messages.'),
}

export const deliveryOptionsSchema = z.strictObject(deliveryOptions)
export type DeliveryOptions = z.output<typeof deliveryOptionsSchema>
