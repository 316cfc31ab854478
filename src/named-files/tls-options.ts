/** The TLS settings that the parts have in common, each part with its own words about them. */
import * as z from 'zod'

export const file = z.string().min(1)

/** The files and the version of a server. */
export const serverTlsFields = {
  cert: file.describe(
    'PEM file of the server’s certificate, followed by the intermediate certificates.',
  ),
  key: file.describe('PEM file of the server’s private key.'),
  keyPassphraseFile: file
    .optional()
    .describe('File with the passphrase of the private key, if it is encrypted.'),
  ca: file
    .optional()
    .describe('PEM file of the authorities that are trusted to sign clients’ certificates.'),
  crl: file
    .optional()
    .describe(
      'PEM file of revoked certificates: a current list from each authority in ca. A client that presents a revoked certificate is refused.',
    ),
}

export const minTlsVersion = z
  .enum(['TLSv1.2', 'TLSv1.3'])
  .default('TLSv1.2')
  .describe('The oldest TLS version that is accepted.')

export const clientCertificate = z.enum(['ignored', 'optional', 'required']).default('ignored')

interface ClientCertificateSettings {
  readonly ca?: string | undefined
  readonly crl?: string | undefined
  readonly clientCertificate: z.infer<typeof clientCertificate>
}

/** For `superRefine`: the settings about clients' certificates have to fit together. */
export function checkClientCertificate(
  { ca, crl, clientCertificate }: ClientCertificateSettings,
  context: z.RefinementCtx,
): void {
  if (clientCertificate !== 'ignored' && ca === undefined) {
    const message = 'clientCertificate needs ca, the authorities that sign clients’ certificates'
    context.addIssue({ code: 'custom', path: ['ca'], message })
  }
  if (clientCertificate === 'ignored' && crl !== undefined) {
    const message = 'crl has no effect while clientCertificate is ignored'
    context.addIssue({ code: 'custom', path: ['crl'], message })
  }
}

/** The settings of a connection to a `peer`, such as the broker. */
export function clientTlsFields(peer: string, aboutCa = '') {
  return {
    ca: file
      .optional()
      .describe(
        `PEM file of the authorities that are trusted to sign the ${peer}’s certificate${aboutCa}.`,
      ),
    cert: file.optional().describe('PEM file of the connector’s certificate, for mutual TLS.'),
    key: file.optional().describe('PEM file of the connector’s private key, for mutual TLS.'),
    keyPassphraseFile: file
      .optional()
      .describe('File with the passphrase of the private key, if it is encrypted.'),
    servername: z
      .string()
      .min(1)
      .optional()
      .describe(`The name that the ${peer}’s certificate must have, if it is not the URL’s host.`),
  }
}

/** For `refine`. */
export function isPair({ cert, key }: { cert?: string | undefined; key?: string | undefined }) {
  return (cert === undefined) === (key === undefined)
}

export const PAIR = { error: 'cert and key go together: set both or neither' }
