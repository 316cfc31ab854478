import * as z from 'zod'
import { duration, size } from '../../unit-options.ts'

const namePattern = z
  .string()
  .regex(/^[A-Za-z0-9_*]{1,128}$/, 'expected the name of a channel, in which * stands for any text')
  .meta({ examples: ['plant_*'] })

/** Parquet files of the channels, for queries on this machine and for other programs. */
export const tablesOptions = z
  .strictObject({
    channels: z
      .array(namePattern)
      .min(1)
      .default(['*'])
      .describe('Channels that get files, by name; `*` stands for any text.'),
    retention: duration({ min: '1d', example: '30d' })
      .prefault('30d')
      .describe('How long files are kept: whole days by time of arrival, UTC.'),
    maxBytes: size({ min: '16MiB', example: '4GiB' })
      .prefault('4GiB')
      .describe(
        'Maximum bytes of the files of all channels together, besides storage.maxBytes. The oldest day is removed first; if the files of today alone reach it, no more are written until the next day.',
      ),
  })
  .describe(
    'Converts the messages of channels to Parquet files with typed columns, in storage.directory. Needs the package @duckdb/node-api and storage.durability: disk.',
  )

export type TablesOptions = z.output<typeof tablesOptions>
