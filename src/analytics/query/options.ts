import * as z from 'zod'
import { duration, size } from '../../unit-options.ts'

/** Limits of queries, by the command `query` and over HTTP. */
export const queryOptions = z
  .strictObject({
    memory: size({ min: '256MiB', example: '640MiB' })
      .default(640 * 1024 * 1024)
      .describe(
        'Memory of the process that runs queries, besides what Node takes without work. A query that needs more is ended; the connector is not affected.',
      ),
    timeout: duration({ min: '1s', max: '1d', example: '60s' })
      .default(60_000)
      .describe('A query that takes longer is ended.'),
    maxTemporaryBytes: size({ min: '1MiB', example: '1GiB' })
      .default(1024 ** 3)
      .describe(
        'Disk that a query may use for what does not fit into memory, in the directory for temporary files.',
      ),
    maxResultBytes: size({ min: '1kB', example: '1GiB' })
      .default(1024 ** 3)
      .describe('A query with a larger result is ended.'),
    maxRunning: z
      .number()
      .int()
      .min(1)
      .max(16)
      .default(2)
      .describe('Queries over HTTP that run at the same time, and share the memory. Others wait.'),
  })

  .describe('Limits of queries, by the command query and over HTTP.')

export type QueryOptions = z.output<typeof queryOptions>
