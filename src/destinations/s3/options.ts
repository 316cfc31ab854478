import * as z from 'zod'
import { duration, size } from '../../unit-options.ts'
import { awsFields, isTlsUsed, TLS_UNUSED } from '../aws/options.ts'
import { columnsOption } from './files/column-options.ts'

const shared = awsFields('S3-compatible service. Default: Amazon S3 in the region.')

const PREFIX = /^[A-Za-z0-9!_.*'()=-]+(?:\/[A-Za-z0-9!_.*'()=-]+)*$/

const encryption = z
  .strictObject({
    type: z.enum(['AES256', 'aws:kms', 'aws:kms:dsse']).describe('Kind of encryption.'),
    keyId: z
      .string()
      .regex(/^[\x21-\x7e]{1,2048}$/, 'expected the id or ARN of a key')
      .optional()
      .describe('Key of AWS KMS. Default: the key that AWS manages for S3.'),
  })
  .refine((given) => given.keyId === undefined || given.type !== 'AES256', {
    path: ['keyId'],
    error: 'needs type aws:kms or aws:kms:dsse',
  })
  .describe('Server-side encryption. Default: what the bucket is set to.')

/** Where objects are. */
export const s3Place = {
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'expected the name of a bucket')
    .describe('Bucket that objects are written to. It must exist.')
    .meta({ examples: ['plant-3-telemetry'] }),
  prefix: z
    .string()
    .max(512)
    .refine((prefix) => PREFIX.test(prefix) && !/(?:^|\/)\.{1,2}(?:\/|$)/.test(prefix), {
      error: "expected names of A-Z a-z 0-9 ! _ . * ' ( ) = - with a slash between them",
    })
    .optional()
    .describe('Beginning of every object’s name, without a slash at its end. Default: none.')
    .meta({ examples: ['raw/plant-3'] }),
  region: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be a Region such as us-west-2')
    .optional()
    .describe('Region of the bucket. Default: PublishRegion, then AWS_REGION.'),
  endpoint: shared.endpoint,
  pathStyle: z
    .boolean()
    .optional()
    .describe(
      'Names the bucket in the path and not in the host name. Default: true with `endpoint` and for buckets with a dot in their name.',
    ),
} as const

/** How objects are stored there. */
export const s3Access = {
  storageClass: z
    .string()
    .regex(/^[A-Z0-9_]{1,64}$/, 'expected a storage class such as STANDARD_IA')
    .optional()
    .describe('Storage class of the objects. Default: the bucket’s.')
    .meta({ examples: ['STANDARD_IA'] }),
  encryption: encryption.optional(),
  tls: shared.tls,
  proxy: shared.proxy,
  credentials: shared.credentials,
  timeout: duration({ min: '100ms', max: '5m', example: '30s' })
    .prefault('30s')
    .describe('How long a request may go on without progress, including the time to connect.'),
  maxAttempts: shared.maxAttempts,
  maxConnections: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(4)
    .describe('Maximum open connections. Further requests wait until one is free.'),
} as const

/** The bucket may follow it. */
export function hasBareEndpoint({ endpoint = 'http://host' }: { endpoint?: string | undefined }) {
  return new URL(endpoint).pathname === '/'
}
export const ENDPOINT_WITH_PATH = {
  path: ['endpoint'],
  error: 'must be https://host or https://host:port',
}

/** Amazon S3, or anything that speaks its protocol. */
export const s3Options = z
  .strictObject({
    ...s3Place,
    format: z
      .enum(['jsonl', 'parquet'])
      .default('jsonl')
      .describe('`jsonl`: rows as JSON lines with gzip. `parquet`: columns, for query engines.'),
    compression: z
      .enum(['gzip', 'snappy'])
      .default('gzip')
      .describe('Compression. `snappy` is for `parquet` only.'),
    compressionLevel: z
      .number()
      .int()
      .min(1)
      .max(9)
      .default(1)
      .describe('Level of gzip: 9 takes several times the CPU of 1 for smaller objects.'),
    columns: columnsOption,
    spoolBytes: size({ min: '1MiB', example: '256MiB' })
      .prefault('1GiB')
      .describe(
        'Maximum bytes, approximately, of the files that objects are collected in. Beside storage.maxBytes. Further objects wait.',
      ),
    ...s3Access,
  })
  .refine(isTlsUsed, TLS_UNUSED)
  .refine(hasBareEndpoint, ENDPOINT_WITH_PATH)
  .refine(({ format, columns }) => format === 'parquet' || columns === undefined, {
    path: ['columns'],
    error: 'needs format: parquet',
  })
  .refine(({ format, compression }) => format === 'parquet' || compression === 'gzip', {
    path: ['compression'],
    error: 'must be gzip with format: jsonl',
  })
  .describe('Objects in Amazon S3 or in an S3-compatible service.')

export type S3Options = z.infer<typeof s3Options>
/** What is needed to store objects, whatever is in them. */
export type S3StorageOptions = Omit<
  S3Options,
  'format' | 'compression' | 'compressionLevel' | 'columns' | 'spoolBytes'
>
