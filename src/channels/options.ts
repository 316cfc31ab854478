import { z } from 'zod'

const MEBIBYTE = 1024 * 1024

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
    maxBytes: z
      .number()
      .int()
      .min(4 * MEBIBYTE)
      .default(1024 * MEBIBYTE)
      .describe('Bytes on disk that all channels together never exceed.'),
    segmentBytes: z
      .number()
      .int()
      .min(64 * 1024)
      .default(16 * MEBIBYTE)
      .describe('A log file is sealed at this size. Space is given back a whole file at a time.'),
    segmentMaxAge: z
      .number()
      .int()
      .min(1000)
      .default(86_400_000)
      .describe('A log file is sealed at this age, in milliseconds, even when it is small.'),
    historyBytes: z
      .number()
      .int()
      .min(0)
      .default(256 * MEBIBYTE)
      .describe(
        'Bytes of messages that no destination waits for any more are kept for replay, within maxBytes. They go first when room is needed.',
      ),
    minCommitInterval: z
      .number()
      .min(0)
      .max(10_000)
      .default(0)
      .describe(
        'Milliseconds between two commits at least. 0: at once, or 5 ms under a steady stream. More spares flash; PUBACKs wait for it.',
      ),
  })
  .describe('Where and how channels keep their messages.')

export type StorageOptions = z.infer<typeof storageOptions>
