import * as z from 'zod'
import { awsFields, isTlsUsed, TLS_UNUSED } from '../aws/options.ts'
import { recordFormat } from '../aws/records/record-options.ts'

/** Amazon Data Firehose. */
export const firehoseOptions = z
  .strictObject({
    deliveryStream: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be a name of 1 to 64 of A-Z a-z 0-9 _ . -')
      .describe('Name of the Firehose stream, which takes records by direct PUT.'),
    format: recordFormat,
    ...awsFields('Where records are sent. Default: the public endpoint of the region.'),
  })
  .refine(isTlsUsed, TLS_UNUSED)
  .describe('PutRecordBatch to Amazon Data Firehose, or to a service that implements it.')

export type FirehoseOptions = z.output<typeof firehoseOptions>
