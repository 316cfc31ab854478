/** Reads the server's certificate, and the names in clients' certificates. */
import { createSecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls'
import { ConnectorError, tlsReasonOf } from '../../../errors.ts'
import { readNamedFile } from '../access/access-files.ts'
import type { TlsOptions } from '../options.ts'

/** Reads the files and checks that they fit together. Throws `InvalidConfiguration`. */
export async function readCertificates(options: TlsOptions): Promise<SecureContextOptions> {
  const { cert, key, keyPassphraseFile, ca, crl, minVersion } = options
  const context: SecureContextOptions = {
    cert: await readNamedFile(cert, 'tls.cert'),
    key: await readNamedFile(key, 'tls.key'),
    ...(keyPassphraseFile !== undefined && { passphrase: await readPassphrase(keyPassphraseFile) }),
    ...(ca !== undefined && { ca: await readNamedFile(ca, 'tls.ca') }),
    ...(crl !== undefined && { crl: await readNamedFile(crl, 'tls.crl') }),
    minVersion,
  }
  try {
    createSecureContext(context)
  } catch (thrown) {
    const files = [cert, key, keyPassphraseFile, ca, crl].filter((path) => path !== undefined)
    throw new ConnectorError(
      'InvalidConfiguration',
      `sources.mqttServer.tls: ${files.join(', ')} can’t be used together: ${tlsReasonOf(thrown)}`,
      { cause: thrown },
    )
  }
  return context
}

/** The text of the file, without a line end after it. */
async function readPassphrase(path: string): Promise<string> {
  const text = (await readNamedFile(path, 'tls.keyPassphraseFile')).toString('utf8')
  return text.replace(/\r?\n$/, '')
}

export interface CertifiedClient {
  /** Undefined if the client showed no certificate and needs none. */
  readonly name: string | undefined
  /** Why the client can't be let in. */
  readonly refusal: string | undefined
}

const NOBODY: CertifiedClient = { name: undefined, refusal: undefined }
const ALTERNATIVE_NAME = /^(?:DNS|email|URI):([^",\s]{1,256})(?:,|$)/

const NOT_SIGNED = 'its certificate is not signed by an authority in tls.ca'
/** Keyed by OpenSSL's names for the errors. */
const REFUSALS: Readonly<Record<string, string>> = {
  CERT_REVOKED: 'its certificate has been revoked',
  CRL_HAS_EXPIRED: 'the list in tls.crl has expired',
  UNABLE_TO_GET_CRL: 'tls.crl has no list from the authority that signed its certificate',
}

/**
 * The name in the client's certificate. TLS itself has already refused clients without a required
 * one.
 */
export function certifiedClient(socket: TLSSocket, options: TlsOptions): CertifiedClient {
  if (options.clientCertificate === 'ignored') return NOBODY
  const { subject, subjectaltname } = socket.getPeerCertificate()
  if (subject === undefined) return NOBODY
  if (!socket.authorized) {
    return { name: undefined, refusal: REFUSALS[String(socket.authorizationError)] ?? NOT_SIGNED }
  }
  const name =
    options.clientName === 'commonName'
      ? subject.CN
      : ALTERNATIVE_NAME.exec(subjectaltname ?? '')?.[1]
  // With several common names `CN` is an array, and none of them counts.
  if (typeof name === 'string' && name !== '') return { name, refusal: undefined }
  return { name: undefined, refusal: `its certificate has no ${options.clientName}` }
}
