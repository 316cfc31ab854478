/** Reads the server's certificate, and the names in clients' certificates. */
import type { TLSSocket } from 'node:tls'
import type { ConnectorError } from '../../../errors.ts'
import { certificateRefusal, hasCertificate } from '../../../named-files/server-tls.ts'
import { type TlsContents, TlsFiles } from '../../../named-files/tls-files.ts'
import type { TlsOptions } from '../options.ts'

/** Throws `InvalidConfiguration` if a file can't be read or used. */
export function readCertificates(options: TlsOptions): Promise<TlsContents> {
  return filesOf(options).contents()
}

/** What is wrong with the files, all of it. */
export function certificateProblems(options: TlsOptions): Promise<ConnectorError[]> {
  return filesOf(options).problems()
}

function filesOf(options: TlsOptions): TlsFiles {
  return new TlsFiles(options, { place: 'sources.mqttServer.tls', minVersion: options.minVersion })
}

export interface CertifiedClient {
  /** Undefined if the client showed no certificate and needs none. */
  readonly name: string | undefined
  /** Why the client can't be let in. */
  readonly refusal: string | undefined
}

const NOBODY: CertifiedClient = { name: undefined, refusal: undefined }
const ALTERNATIVE_NAME = /^(?:DNS|email|URI):([^",\s]{1,256})(?:,|$)/

/**
 * The name in the client's certificate. TLS itself has already refused clients without a required
 * one.
 */
export function certifiedClient(socket: TLSSocket, options: TlsOptions): CertifiedClient {
  if (options.clientCertificate === 'ignored') return NOBODY
  if (!hasCertificate(socket)) return NOBODY
  const { subject, subjectaltname } = socket.getPeerCertificate()
  const refusal = certificateRefusal(socket)
  if (refusal !== undefined) return { name: undefined, refusal }
  const name =
    options.clientName === 'commonName'
      ? subject.CN
      : ALTERNATIVE_NAME.exec(subjectaltname ?? '')?.[1]
  // With several common names `CN` is an array, and none of them counts.
  if (typeof name === 'string' && name !== '') return { name, refusal: undefined }
  return { name: undefined, refusal: `its certificate has no ${options.clientName}` }
}
