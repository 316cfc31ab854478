/** What servers that speak TLS have in common, whatever they speak over it. */
import type { Socket } from 'node:net'
import type { TlsOptions as ServerTlsOptions, TLSSocket } from 'node:tls'
import type { TlsContents } from './tls-files.ts'

export interface ClientCertificates {
  readonly clientCertificate: 'ignored' | 'optional' | 'required'
}

export function serverTlsOptions(
  certificates: TlsContents,
  { clientCertificate }: ClientCertificates,
  handshakeTimeout: number,
): ServerTlsOptions {
  return {
    ...certificates,
    handshakeTimeout,
    requestCert: clientCertificate !== 'ignored',
    // With `optional`, a wrong certificate is found by `certificateRefusal`.
    rejectUnauthorized: clientCertificate === 'required',
  }
}

const NOT_SIGNED = 'its certificate is not signed by an authority in tls.ca'
/** Keyed by OpenSSL's names for the errors. */
const REFUSALS: Readonly<Record<string, string>> = {
  CERT_REVOKED: 'its certificate has been revoked',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  CRL_HAS_EXPIRED: 'the list in tls.crl has expired',
  UNABLE_TO_GET_CRL: 'tls.crl has no list from the authority that signed its certificate',
}

/**
 * Whether the client showed a certificate. `authorized` does not say so: in a resumed session it is
 * true without any.
 */
export function hasCertificate(socket: TLSSocket): boolean {
  return socket.getPeerCertificate().subject !== undefined
}

/** Why the certificate that the client showed is not accepted; undefined if it is. */
export function certificateRefusal(socket: TLSSocket): string | undefined {
  if (socket.authorized) return undefined
  return REFUSALS[String(socket.authorizationError)] ?? NOT_SIGNED
}

/** For a handshake that failed. */
export function handshakeFailure(socket: TLSSocket, code: string | undefined): string {
  // If the client's certificate was refused, the reason is on the socket and not in the error.
  return `TLS handshake failed: ${socket.authorizationError ?? code ?? 'unknown error'}`
}

type Addressed = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>

/**
 * A TLS socket whose connection has ended has no addresses any more, but the TCP socket below it
 * has. Node has no public name for that one.
 */
export function addressed(socket: TLSSocket & { readonly _parent?: Addressed | null }): Addressed {
  return socket.remoteAddress === undefined ? (socket._parent ?? socket) : socket
}
