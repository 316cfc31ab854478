import * as z from 'zod'
import { credentialsOptions } from '../../aws-server/credential-options.ts'

/** A quota of AWS, as it is by default. */
function quota(byDefault: number, what: string) {
  return z.number().int().min(1).max(1_000).default(byDefault).describe(`Maximum ${what}.`)
}

export const apiOptions = z
  .strictObject({
    credentials: credentialsOptions.describe(
      'Keys that requests must be signed with (Signature Version 4). A key of a sender in sources.batchPutMessage is not one of them. Default: none; then the port’s own rules decide who may call: loopback, http.token, client certificates.',
    ),
    region: z
      .string()
      .regex(/^[a-z]{2}(-[a-z]{2,})+-\d{1,2}$/, 'expected a Region such as us-east-1')
      .default('us-east-1')
      .describe(
        'Region in the ARNs of resources. Do not change it once tags have been set by ARN.',
      ),
    account: z
      .string()
      .regex(/^\d{12}$/, 'expected 12 digits')
      .default('000000000000')
      .describe('Account in the ARNs of resources. In a YAML file, put it between quotes.'),
    limits: z
      .strictObject({
        channels: quota(50, 'channels that are defined'),
        datastores: quota(25, 'datastores'),
        pipelines: quota(100, 'pipelines'),
        datasets: quota(100, 'datasets'),
      })
      .prefault({})
      .describe('How many resources there may be, as the quotas of an account at AWS.'),
  })
  .describe(
    'The API of AWS IoT Analytics on the HTTP port: channels, pipelines, datastores, datasets, tags. AWS’s SDKs and CLI can use it. It needs storage.durability: disk.',
  )

export type ApiOptions = z.infer<typeof apiOptions>
