import * as z from 'zod'
import { size } from '../unit-options.ts'

const FROM = 'expected now, earliest or a time such as 2026-01-31T12:00:00Z'
const MAX_RATE = 1_000_000_000_000

const rate = (description: string) =>
  z.number().positive().max(MAX_RATE).optional().describe(description)

/** How messages are sent to one destination; part of each entry of `destinations`. */
export const deliveryOptions = {
  from: z
    .string(FROM)
    .refine((text) => text === 'now' || text === 'earliest' || isTime(text), {
      error: FROM,
      params: { showsValue: true },
    })
    .optional()
    .describe(
      'Where a new destination begins: now, earliest (all stored messages) or a time. A known destination goes on where it was. Default: now; but a new first destination takes over the position of a first one that was removed.',
    )
    .meta({ examples: ['earliest'] }),
  batchesInFlight: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe(
      'Batches of one channel that may be under way at once. More than 1 is faster over a slow line, but loses the order if a batch is sent again.',
    ),
  catchUp: z
    .strictObject({
      order: z
        .enum(['backlog-first', 'live-first'])
        .default('backlog-first')
        .describe(
          'After an outage, and at a start with a backlog: send the oldest messages first, or new messages first and the backlog behind them. With live-first both keep their own order, and the two are interleaved.',
        ),
      maxMessagesPerSecond: rate('Messages per second at most, over all channels.'),
      maxBytesPerSecond: size({ min: '1B', max: '1TB', example: '1MiB' })
        .optional()
        .describe('Payload per second at most, over all channels.'),
    })
    .prefault({})
    .describe('How a backlog is sent, and how fast messages are sent at most.'),
}

export const deliveryOptionsSchema = z.strictObject(deliveryOptions)
export type DeliveryOptions = z.output<typeof deliveryOptionsSchema>

function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(Date.parse(text))
}
