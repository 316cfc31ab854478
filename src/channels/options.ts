import * as z from 'zod'
import { duration, size } from '../unit-options.ts'

/** Where and how channels keep their messages. */
export const storageOptions = z
  .strictObject({
    directory: z
      .string()
      .min(1)
      .default('./data')
      .describe('Directory for all data of the connector. Only one process may use it at a time.'),
    durability: z
      .enum(['disk', 'memory'])
      .default('disk')
      .describe(
        '`disk`: a PUBACK means the message is on disk. `memory`: as the AWS connector did; a crash loses all waiting messages.',
      ),
    maxBytes: size({ min: '4MiB', example: '1GiB' })
      .prefault('1GiB')
      .describe('Limit of the bytes on disk, over all channels.'),
    segmentBytes: size({ min: '64KiB', example: '16MiB' })
      .prefault('16MiB')
      .describe('A log file is closed at this size. Space is given back one whole file at a time.'),
    segmentMaxAge: duration({ min: '1s', example: '1d' })
      .prefault('1d')
      .describe('A log file is closed at this age, even if it is small.'),
    maxChannels: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(1_000)
      .describe(
        'Limit of the number of channels, empty ones included, because senders choose their names. A channel that exists is never refused because of it.',
      ),
    historyBytes: size({ min: '0B', example: '256MiB' })
      .prefault('256MiB')
      .describe(
        'Bytes of messages that are kept for replay after all destinations have them, within maxBytes. They are removed first if room is needed.',
      ),
    minCommitInterval: duration({ min: '0s', max: '10s', example: '20ms' })
      .prefault('0s')
      .describe(
        'Minimum time between two commits. 0s: at once, or 5 ms under a steady stream. A longer time spares flash memory, but PUBACKs wait for it.',
      ),
  })
  .describe('Where and how channels keep their messages.')

export type StorageOptions = z.infer<typeof storageOptions>

const CHANNEL = /^(\*|(?!__)[A-Za-z0-9_]{1,128})$/
const CHANNEL_EXPECTED =
  'expected * or a channel’s name: 1 to 128 of A-Z a-z 0-9 _, not beginning with two underscores'

const channelRules = z.strictObject({
  maxAge: duration({ min: '1s', example: '7d' })
    .optional()
    .describe(
      'Messages that wait longer are dropped, with a receipt that says so. Default: they wait indefinitely.',
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
        .describe('Limit of the ids remembered; each takes about 100 bytes of memory.'),
    })
    .optional()
    .describe(
      'Stores a message once if its sender sends it again, because an acknowledgement was lost. Only for messages with an id.',
    ),
})

/** The rules of single channels; `*` stands for all channels without rules of their own. */
export const channelsOptions = z
  .record(z.string().regex(CHANNEL, CHANNEL_EXPECTED), channelRules)
  .describe('Rules of single channels, by name. `*`: of all channels without rules of their own.')

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
      .describe('Limit of the dead letters kept; the oldest are removed first.'),
    maxBytes: size({ min: '64KiB', example: '16MiB' })
      .prefault('16MiB')
      .describe('Approximate limit of their bytes, within storage.maxBytes.'),
  })
  .describe(
    'Keeps messages that a destination or routing refused for good, so that they can be inspected and replayed.',
  )

export type DeadLetterOptions = z.infer<typeof deadLetterOptions>
