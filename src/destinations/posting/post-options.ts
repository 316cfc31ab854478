/** The settings that destinations have in common which send their batches in HTTP requests. */
import * as z from 'zod'
import { clientTlsFields, isPair, PAIR } from '../../named-files/tls-options.ts'
import { duration } from '../../unit-options.ts'
import { proxyOption } from '../http-client/proxy-option.ts'

const tls = z
  .strictObject(clientTlsFields('server', ', in place of those that Node trusts'))
  .refine(isPair, PAIR)
  .describe(
    'TLS settings. The files are read for each connection, so renewed certificates are used.',
  )

/** `http:/host` and `http:host` are URLs too, but more likely to be mistakes. */
const WEB_URL = /^https?:\/\/[^\s/\\?#]+/i

/** @param example shown in the reference */
export function webUrl(example: string) {
  return z
    .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
    .refine((url) => isWebUrl(url), {
      error: 'must have no user and no fragment; credentials are options of their own',
    })
    .meta({ examples: [example] })
}

function isWebUrl(url: string): boolean {
  if (!URL.canParse(url)) return true
  const { username, password, hash } = new URL(url)
  return WEB_URL.test(url) && username + password + hash === ''
}

export const postFields = {
  gzip: z
    .boolean()
    .default(false)
    .describe('Compresses requests. Worth it where the line is slower than the processor.'),
  tls: tls.optional(),
  proxy: proxyOption,
  timeout: duration({ min: '100ms', max: '5m', example: '10s' })
    .prefault('10s')
    .describe('Maximum time for one attempt of a request, including the time to connect.'),
  maxAttempts: z
    .number()
    .int()
    .min(1)
    .max(10)
    .default(3)
    .describe(
      'Maximum attempts per request, including the first. If all fail, the messages are kept and sent again later.',
    ),
  maxConnections: z
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(50)
    .describe('Maximum open connections. Further requests wait until one is free.'),
}

export interface PostOptions {
  readonly gzip: boolean
  readonly tls?: z.output<typeof tls> | undefined
  readonly proxy?: string | undefined
  readonly timeout: number
  readonly maxAttempts: number
  readonly maxConnections: number
}
