/**
 * Who may use the HTTP server, as the options and their files say: the token, the certificates, and
 * what is not safe about them.
 */
import { isLoopback } from '../../addresses.ts'
import { asConnectorError, ConnectorError } from '../../errors.ts'
import { openFiles, openTlsFiles } from '../../named-files/file-access.ts'
import { type TlsContents, TlsFiles } from '../../named-files/tls-files.ts'
import type { HttpOptions, HttpTlsOptions } from '../options.ts'
import type { AccessRules } from './request-access.ts'
import { readToken } from './token.ts'

export interface HttpAccess extends AccessRules {
  /** Undefined without TLS. */
  readonly certificates: TlsContents | undefined
}

/** @throws {ConnectorError} InvalidConfiguration if a file can't be used, or access is not limited. */
export async function readHttpAccess(options: HttpOptions): Promise<HttpAccess> {
  const { tls } = options
  const token = await readToken(options)
  refuseUnprotected(options)
  const certificates = tls === undefined ? undefined : await tlsFilesOf(tls).contents()
  return { token, admitsCertificates: admitsCertificates(options), certificates }
}

/** Everything for which `readHttpAccess` would throw. */
export async function problemsOfHttp(options: HttpOptions): Promise<ConnectorError[]> {
  const { tls } = options
  return [
    ...(await problemOf(() => readToken(options))),
    ...(await problemOf(() => refuseUnprotected(options))),
    ...(tls === undefined ? [] : await tlsFilesOf(tls).problems()),
  ]
}

/** What others could read or use, one sentence each. */
export async function noticesOfHttp(options: HttpOptions): Promise<readonly string[]> {
  const { host, tls, tokenFile } = options
  const notices: string[] = []
  if (!isLoopback(host) && !isProtected(options)) {
    notices.push(
      `http.host is ${host} and no token is set: anyone who reaches the port can read every ` +
        'message and replay dead letters. http.tokenFile asks for a token.',
    )
  } else if (!isLoopback(host) && tls === undefined) {
    notices.push(
      `http.host is ${host} and http.tls is not set: the token and the messages cross the network ` +
        'unencrypted, and anyone on the way can read them. Set http.tls.cert and http.tls.key; ' +
        'or set http.host: 127.0.0.1 and let a proxy on this machine speak TLS.',
    )
  }
  notices.push(...(await openFiles({ 'http.tokenFile': tokenFile })))
  return [...notices, ...(await openTlsFiles(tls, 'http.tls'))]
}

/** The files that are read again when they change. */
export function filesOfHttp({ tokenFile, tls }: HttpOptions): readonly string[] {
  const { cert, key, keyPassphraseFile, ca, crl } = tls ?? {}
  const files = [tokenFile, cert, key, keyPassphraseFile, ca, crl]
  return files.filter((path) => path !== undefined)
}

function tlsFilesOf(tls: HttpTlsOptions): TlsFiles {
  return new TlsFiles(tls, { place: 'http.tls', minVersion: tls.minVersion })
}

function admitsCertificates({ tls }: HttpOptions): boolean {
  return tls !== undefined && tls.clientCertificate !== 'ignored'
}

function isProtected(options: HttpOptions): boolean {
  const { token, tokenFile } = options
  return token !== undefined || tokenFile !== undefined || admitsCertificates(options)
}

function refuseUnprotected(options: HttpOptions): void {
  const { host, allowAnonymous } = options
  if (isLoopback(host) || allowAnonymous || isProtected(options)) return
  throw new ConnectorError(
    'InvalidConfiguration',
    `http.host is ${host}: anyone who reaches this address could read every message. ` +
      'Set http.tokenFile or http.tls.clientCertificate, or http.allowAnonymous: true to allow ' +
      'that, or listen on 127.0.0.1.',
  )
}

/** The error as the only entry; empty without one. */
async function problemOf(check: () => unknown): Promise<ConnectorError[]> {
  try {
    await check()
    return []
  } catch (thrown) {
    return [asConnectorError(thrown, 'InvalidConfiguration', 'http')]
  }
}
