import * as z from 'zod'
import { awsFields, isTlsUsed, TLS_UNUSED } from '../aws/options.ts'
import { recordFormat } from '../aws/records/record-options.ts'
import { partKeys } from '../rows/message-key.ts'

const STREAM = /^(?:arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\d{12}:stream\/)?[A-Za-z0-9_.-]{1,128}$/

const partitionKey = z
  .union([z.literal('topic'), ...partKeys])
  .default('topic')
  .describe(
    'Partition key of each record: records with the same key go to the same shard. A message without the level or the member gets its topic as key. A key of more than 256 characters is replaced by its SHA-256.',
  )

/** Amazon Kinesis Data Streams. */
export const kinesisOptions = z
  .strictObject({
    stream: z
      .string()
      .regex(STREAM, 'must be a name of 1 to 128 of A-Z a-z 0-9 _ . -, or the ARN of a stream')
      .describe('Name of the stream, or its ARN if it belongs to another account.'),
    partitionKey,
    format: recordFormat,
    ...awsFields('Where records are sent. Default: the public endpoint of the region.'),
  })
  .refine(isTlsUsed, TLS_UNUSED)
  .describe('PutRecords to Amazon Kinesis Data Streams, or to a service that implements it.')

export type KinesisOptions = z.output<typeof kinesisOptions>
