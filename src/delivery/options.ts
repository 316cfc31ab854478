import * as z from 'zod'
import { parseTime } from '../iso-time.ts'
import { topicFilter } from '../topic-option.ts'
import { duration, size } from '../unit-options.ts'

const FROM = 'expected now, earliest or a time such as 2026-01-31T12:00:00Z'
const MAX_RATE = 1_000_000_000_000

const rate = (description: string) =>
  z.number().positive().max(MAX_RATE).optional().describe(description)

const PATTERN = 'expected 1 to 128 of A-Z a-z 0-9 _ *'
const channelPattern = z.string().regex(/^[A-Za-z0-9_*]{1,128}$/, PATTERN)

function nameRules(name: z.ZodType<string, string>) {
  const names = z.array(name).min(1).max(1_000)
  return z.strictObject({
    include: names.optional().describe('Only these.'),
    exclude: names.optional().describe('All but these.'),
  })
}

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
  channels: nameRules(channelPattern)
    .optional()
    .describe(
      'Channels whose messages the destination gets: those that a pattern of `include` matches, or all without `include`, and no pattern of `exclude`. `*` stands for any text. Other messages are counted as NotSelected.',
    )
    .meta({ examples: [{ include: ['press_*'] }] }),
  topics: nameRules(topicFilter)
    .optional()
    .describe('The same for the topics that messages were published to, by topic filters of MQTT.')
    .meta({ examples: [{ exclude: ['plant/+/debug/#'] }] }),
  sample: z
    .strictObject({
      every: z
        .number()
        .int()
        .min(2)
        .max(1_000_000)
        .optional()
        .describe(
          'One message of this many, chosen by its place in the channel’s log, so that devices that take turns all have their share.',
        ),
      interval: duration({ min: '100ms', max: '1d', example: '1m' })
        .optional()
        .describe('Of each topic the first message in every interval, by the time of arrival.'),
    })
    .refine(({ every, interval }) => (every === undefined) !== (interval === undefined), {
      error: 'set either every or interval',
    })
    .optional()
    .describe(
      'Sends a part of the messages. A message that is sent again is the same one. After a restart an interval may have a second message.',
    )
    .meta({ examples: [{ interval: '1m' }] }),
  fields: z
    .array(
      z
        .string()
        .max(256)
        .regex(/^[^.]+(\.[^.]+){0,15}$/, 'expected names with dots between them'),
    )
    .min(1)
    .max(1_000)
    .optional()
    .describe(
      'Which members of payloads that are JSON objects the destination gets, by path. Other payloads stay whole.',
    )
    .meta({ examples: [['temp', 'motor.speed']] }),
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
