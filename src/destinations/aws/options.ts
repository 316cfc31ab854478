/** Settings that all destinations at AWS, and services that speak the same protocols, share. */
import * as z from 'zod'
import { clientTlsFields, isPair, PAIR } from '../../named-files/tls-options.ts'
import { duration } from '../../unit-options.ts'
import { proxyOption } from '../http-client/proxy-option.ts'

const awsCredentials = z
  .strictObject({
    accessKeyId: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Access key id; needs secretAccessKey. Default: the credentials that the AWS chain finds.',
      ),
    secretAccessKey: z.string().min(1).optional().describe('Secret belonging to accessKeyId.'),
    sessionToken: z
      .string()
      .min(1)
      .optional()
      .describe('Token of temporary credentials; needs accessKeyId and secretAccessKey.'),
    profile: z
      .string()
      .min(1)
      .optional()
      .describe('Profile of the shared AWS configuration files to take credentials from.'),
    anonymous: z
      .boolean()
      .default(false)
      .describe('Sends requests without a signature, to an endpoint of your own that needs none.'),
  })
  .refine((given) => (given.accessKeyId === undefined) === (given.secretAccessKey === undefined), {
    error: 'accessKeyId and secretAccessKey go together: set both or neither',
  })
  .refine((given) => given.sessionToken === undefined || given.accessKeyId !== undefined, {
    error: 'sessionToken needs accessKeyId and secretAccessKey',
  })
  .refine(
    (given) =>
      Number(given.accessKeyId !== undefined) +
        Number(given.profile !== undefined) +
        Number(given.anonymous) <=
      1,
    { error: 'choose one of accessKeyId, profile and anonymous' },
  )
  .describe(
    'AWS credentials. Default: the chain of the AWS SDKs (environment, shared files, web identity, container, EC2).',
  )

const tls = z
  .strictObject(clientTlsFields('endpoint', ', in place of those that Node trusts'))
  .refine(isPair, PAIR)
  .describe(
    'TLS settings. The files are read for each connection, so renewed certificates are used.',
  )

/** @param endpointDescription what is sent there, and the default */
export function awsFields(endpointDescription: string) {
  return {
    endpoint: z
      .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
      .refine((url) => isBare(url), {
        error: 'must have no user, query or fragment; credentials are options of their own',
      })
      .optional()
      .describe(endpointDescription),
    region: z
      .string()
      .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be a Region such as us-west-2')
      .optional()
      .describe('Region to sign for. Default: PublishRegion, then AWS_REGION.'),
    tls: tls.optional(),
    proxy: proxyOption,
    credentials: awsCredentials.prefault({}),
    timeout: duration({ min: '100ms', max: '5m', example: '10s' })
      .prefault('10s')
      .describe('Maximum time for one attempt of a call, including the time to connect.'),
    maxAttempts: z
      .number()
      .int()
      .min(1)
      .max(10)
      .default(3)
      .describe(
        'Maximum attempts per call, including the first, as in AWS_MAX_ATTEMPTS. If all fail, the messages are kept and sent again later.',
      ),
    maxConnections: z
      .number()
      .int()
      .min(1)
      .max(1_000)
      .default(50)
      .describe('Maximum open connections. Further calls wait until one is free.'),
  }
}

/** For `refine`: `tls` says nothing about an endpoint without TLS. */
export function isTlsUsed(given: {
  readonly endpoint?: string | undefined
  readonly tls?: unknown
}): boolean {
  return given.tls === undefined || given.endpoint?.startsWith('http:') !== true
}

export const TLS_UNUSED: { path: string[]; error: string } = {
  path: ['endpoint'],
  error: 'must be https:// if tls is set',
}

function isBare(url: string): boolean {
  if (!URL.canParse(url)) return true
  const { username, password, search, hash } = new URL(url)
  return username + password + search + hash === ''
}

export type AwsCredentialsOptions = z.infer<typeof awsCredentials>
