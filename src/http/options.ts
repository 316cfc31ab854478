import * as z from 'zod'
import {
  checkClientCertificate,
  clientCertificate,
  file,
  minTlsVersion,
  serverTlsFields,
} from '../named-files/tls-options.ts'

const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9._-]{0,252})$/
const TOKEN = /^[\x21-\x7e]{16,1024}$/

const tls = z
  .strictObject({
    ...serverTlsFields,
    clientCertificate: clientCertificate.describe(
      'Whether clients may or must present a certificate. One from an authority in ca stands for the token. required: no connection without one, not even for /health.',
    ),
    minVersion: minTlsVersion,
  })
  .superRefine(checkClientCertificate)
  .describe('HTTPS in place of HTTP. Changed files are reloaded without dropping connections.')

/** The HTTP server: health, metrics, the ledger and the stored messages. */
export const httpOptions = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
    port: z
      .number()
      .int()
      .min(0)
      .max(65_535)
      .default(8090)
      .describe('TCP port; 0 takes a free one.'),
    hosts: z
      .array(z.string().regex(HOST_NAME, 'must be a host name such as connector.example'))
      .default([])
      .describe(
        'Further names by which clients reach the server, such as connector.example. IP addresses, localhost and the machine’s host name are always allowed; requests for other names are refused.',
      ),
    token: z
      .string()
      .regex(TOKEN, 'must be 16 to 1024 letters, digits and signs without spaces')
      .optional()
      .describe(
        'Token that every request except /health must carry: as a bearer token, or in a browser as the password of any user. It may view and operate. Prefer tokens, whose tokens have names and rights.',
      ),
    tokenFile: file
      .optional()
      .describe('File with the token on one line. Changes take effect immediately.'),
    tokens: file
      .optional()
      .describe(
        'File of tokens with names and rights: view reads, operate also replays and retries. `iot-analytics-connector token` makes it; it has hashes, never tokens. Changes take effect immediately.',
      ),
    allowAnonymous: z
      .boolean()
      .default(false)
      .describe(
        'Lets everyone who can reach the port read every message, also without a token, and allows listening beyond loopback without tokens or client certificates. Replays and other changes still need a token, a certificate or the socket in the data directory.',
      ),
    tls: tls.optional(),
  })
  .refine(({ token, tokenFile }) => token === undefined || tokenFile === undefined, {
    path: ['tokenFile'],
    message: 'set token or tokenFile, not both',
  })
  .describe('Health, metrics, the ledger and the stored messages over HTTP.')

export type HttpOptions = z.infer<typeof httpOptions>
export type HttpTlsOptions = z.infer<typeof tls>
