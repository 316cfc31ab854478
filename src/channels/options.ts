import * as z from 'zod'
import { CHANNEL_NAME, CHANNEL_NAME_RULE } from '../channel-name.ts'
import { duration, size } from '../unit-options.ts'

/** Where and how channels keep their messages. */
export const storageOptions = z
  .strictObject({
    directory: z
      .string()
      .min(1)
      .default('./data')
      .describe('Directory in which the connector keeps its data. Only one process may use it.'),
    durability: z
      .enum(['disk', 'memory'])
      .default('disk')
      .describe(
        '`disk`: a PUBACK means that the message is on disk. `memory`: like the AWS connector; a crash loses the waiting messages.',
      ),
    maxBytes: size({ min: '4MiB', example: '1GiB' })
      .prefault('1GiB')
      .describe('Maximum bytes on disk, for all channels together.'),
    segmentBytes: size({ min: '64KiB', example: '16MiB' })
      .prefault('16MiB')
      .describe(
        'A log file that reaches this size is closed and a new one begun. Space is freed one whole file at a time.',
      ),
    segmentMaxAge: duration({ min: '1s', example: '1d' })
      .prefault('1d')
      .describe('A log file that reaches this age is closed, however small it is.'),
    maxChannels: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(1_000)
      .describe(
        'Maximum channels that may exist, drained ones included. Senders choose the names, and each channel has a directory. The limit never affects an existing channel.',
      ),
    historyBytes: size({ min: '0B', example: '256MiB' })
      .prefault('256MiB')
      .describe(
        'Maximum bytes of delivered messages that are kept for replay, within maxBytes. They are removed first when room is needed.',
      ),
    minCommitInterval: duration({ min: '0s', max: '10s', example: '20ms' })
      .prefault('0s')
      .describe(
        'Minimum time between two commits. 0s: commit at once, or after 5 ms under a steady stream. A longer time writes less to flash, and PUBACKs wait for it.',
      ),
  })
  .describe('Where and how channels store their messages.')

export type StorageOptions = z.infer<typeof storageOptions>

const channelKey = z
  .string()
  .regex(
    new RegExp(`^\\*$|${CHANNEL_NAME.source}`),
    `expected * or a channel’s name: ${CHANNEL_NAME_RULE}`,
  )

const channelRules = z.strictObject({
  maxAge: duration({ min: '1s', example: '7d' })
    .optional()
    .describe(
      'Messages that wait longer are dropped, and a receipt reports it. Default: messages wait indefinitely.',
    ),
  deduplication: z
    .strictObject({
      window: duration({ min: '1s', example: '15m' }).describe(
        'How long a sender’s id is remembered.',
      ),
      maxIds: z
        .number()
        .int()
        .min(1)
        .max(1_000_000)
        .default(10_000)
        .describe('Maximum ids that are remembered. Each takes about 100 bytes of memory.'),
    })
    .optional()
    .describe(
      'Stores a message only once if its sender sends it again because an acknowledgement was lost. Applies to messages with an id.',
    ),
})

/** The rules of single channels; `*` stands for all channels without rules of their own. */
export const channelsOptions = z
  .record(channelKey, channelRules)
  .describe(
    'Rules for single channels, by name. The rules under `*` apply to channels without their own.',
  )

export type ChannelsOptions = z.infer<typeof channelsOptions>

/** How many dead letters are kept. */
export const deadLetterOptions = z
  .strictObject({
    maxMessages: z
      .number()
      .int()
      .min(1)
      .max(10_000_000)
      .default(10_000)
      .describe(
        'Maximum messages that are kept. For a further one, the channel that has the most gives up its oldest.',
      ),
    maxBytes: size({ min: '64KiB', example: '16MiB' })
      .prefault('16MiB')
      .describe('Maximum bytes that they may use, approximately, within storage.maxBytes.'),
  })
  .describe(
    'Keeps messages that a destination rejected permanently or that routing refused, for inspection and replay.',
  )

export type DeadLetterOptions = z.infer<typeof deadLetterOptions>
