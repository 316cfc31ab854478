import * as z from 'zod'
import { duration, size } from '../unit-options.ts'

/** Where and how channels keep their messages. */
export const storageOptions = z
  .strictObject({
    directory: z
      .string()
      .min(1)
      .default('./data')
      .describe('Directory for everything that is kept. One process at a time.'),
    durability: z
      .enum(['disk', 'memory'])
      .default('disk')
      .describe(
        '`disk`: a PUBACK means the message is on disk. `memory`: as the AWS connector did; a crash loses what waits.',
      ),
    maxBytes: size({ min: '4MiB', example: '1GiB' })
      .prefault('1GiB')
      .describe('Bytes on disk that all channels together never exceed.'),
    segmentBytes: size({ min: '64KiB', example: '16MiB' })
      .prefault('16MiB')
      .describe('A log file is sealed at this size. Space is given back a whole file at a time.'),
    segmentMaxAge: duration({ min: '1s', example: '1d' })
      .prefault('1d')
      .describe('A log file is sealed at this age, even when it is small.'),
    maxChannels: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(1_000)
      .describe(
        'Channels there may be at most, drained ones included: each has a directory, and senders name them. A channel that exists is never refused for it.',
      ),
    historyBytes: size({ min: '0B', example: '256MiB' })
      .prefault('256MiB')
      .describe(
        'Bytes of messages that no destination waits for any more are kept for replay, within maxBytes. They go first when room is needed.',
      ),
    minCommitInterval: duration({ min: '0s', max: '10s', example: '20ms' })
      .prefault('0s')
      .describe(
        'Time between two commits at least. 0s: at once, or 5 ms under a steady stream. More spares flash; PUBACKs wait for it.',
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
      'Messages that wait longer are dropped, with a receipt that says so. Default: they wait for ever.',
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
        .describe('How many ids are remembered at most; each takes some 100 bytes of memory.'),
    })
    .optional()
    .describe(
      'A message that its sender sends again, because an acknowledgement was lost, is stored once. Only for messages that carry an id.',
    ),
})

/** What is set for single channels; `*` stands for all that say nothing else. */
export const channelsOptions = z
  .record(z.string().regex(CHANNEL, CHANNEL_EXPECTED), channelRules)
  .describe('Rules of single channels, by name. Under `*`: of all channels that say nothing else.')

export type ChannelsOptions = z.infer<typeof channelsOptions>

/** How many messages that were refused for good are kept. */
export const deadLetterOptions = z
  .strictObject({
    maxMessages: z
      .number()
      .int()
      .min(1)
      .max(10_000_000)
      .default(10_000)
      .describe('How many are kept; the oldest go first.'),
    maxBytes: size({ min: '64KiB', example: '16MiB' })
      .prefault('16MiB')
      .describe('Bytes that they may hold, about, within storage.maxBytes.'),
  })
  .describe(
    'Messages refused for good, by a destination or by routing, are kept for a look and a replay.',
  )

export type DeadLetterOptions = z.infer<typeof deadLetterOptions>
