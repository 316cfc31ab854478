import * as z from 'zod'
import { s3Options } from '../../destinations/s3/options.ts'
import { file } from '../../named-files/tls-options.ts'
import { isTopicName } from '../../topics.ts'
import { duration, size } from '../../unit-options.ts'

const s3 = s3Options.shape

/** Of what an object in S3 is stored with, all that does not depend on messages. */
const s3Bucket = z.strictObject({
  region: s3.region,
  endpoint: s3.endpoint,
  pathStyle: s3.pathStyle,
  storageClass: s3.storageClass,
  tls: s3.tls,
  proxy: s3.proxy,
  credentials: s3.credentials,
  timeout: s3.timeout,
  maxAttempts: s3.maxAttempts,
})

const bucketOptions = z
  .strictObject({
    folder: file
      .optional()
      .describe('Folder that stands for the bucket. It must exist; folders below it are created.')
      .meta({ examples: ['/srv/reports'] }),
    s3: s3Bucket
      .optional()
      .describe('The bucket itself, in Amazon S3 or in an S3-compatible service.'),
  })
  .refine((given) => (given.folder === undefined) !== (given.s3 === undefined), {
    error: 'set either folder or s3',
  })

const topic = z
  .string()
  .max(256)
  .refine((given) => isTopicName(given) && !given.startsWith('$'), {
    error: 'expected a topic without + and #, which does not begin with $',
  })

const containerOptions = z.strictObject({
  command: z
    .tuple([z.string().min(1)], z.string())
    .describe('Program and its arguments. No shell is involved.')
    .meta({ examples: [['python3', 'reports/weekly.py']] }),
  timeout: duration({ min: '1s', max: '7d', example: '1h' })
    .prefault('1h')
    .describe('Maximum time. Then the program and everything that it has started are ended.'),
  environment: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(32_768))
    .default({})
    .describe(
      'Environment variables, besides PATH, TZ and IOT_ANALYTICS_PARAMS. The program gets none of the connector’s own.',
    ),
})

/** Contents of datasets: how much room they have, where they are delivered to. */
export const datasetsOptions = z
  .strictObject({
    maxBytes: size({ min: '1MiB', example: '10GiB' })
      .default(10 * 1024 ** 3)
      .describe('Disk for the contents of all datasets. Content that has no room fails.'),
    url: z
      .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
      .optional()
      .describe(
        'Beginning of the URLs of contents, if clients reach the HTTP server by another address than the one they ask by, such as a proxy with TLS. Default: the address in the request.',
      )
      .meta({ examples: ['https://connector.example'] }),
    notificationTopic: topic
      .optional()
      .describe('MQTT topic on which late data is reported. Default: it is not reported.')
      .meta({ examples: ['analytics/notifications'] }),
    buckets: z
      .record(z.string().min(1).max(255), bucketOptions)
      .default({})
      .describe('Where contents go that are to be delivered to a bucket, by its name.'),
    inputs: z
      .record(z.string().min(1).max(128), topic)
      .default({})
      .describe(
        'MQTT topics for contents that are to be delivered to an input of IoT Events, by its name: one message of JSON for each row.',
      ),
    containers: z
      .record(z.string().min(1).max(255), containerOptions)
      .default({})
      .describe('Programs on this machine in place of the images of container actions.'),
  })
  .describe('Contents of datasets.')

export type DatasetsOptions = z.output<typeof datasetsOptions>
export type BucketOptions = z.output<typeof bucketOptions>
export type ContainerOptions = z.output<typeof containerOptions>
