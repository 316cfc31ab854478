/**
 * Who may use the HTTP server, as the options and their files say: tokens, certificates, and what is
 * not safe about them.
 */
import { isLoopback } from '../../addresses.ts'
import { asConnectorError, ConnectorError, messageOf } from '../../errors.ts'
import { openFiles, openTlsFiles } from '../../named-files/file-access.ts'
import { readNamedFile } from '../../named-files/named-file.ts'
import { type TlsContents, TlsFiles } from '../../named-files/tls-files.ts'
import type { HttpOptions, HttpTlsOptions } from '../options.ts'
import { readToken } from './token.ts'
import { parseTokenFile, type StoredToken } from './token-file.ts'

export interface HttpAccess {
  /** Of `http.token`; undefined without it. */
  readonly token: string | undefined
  /** Of `http.tokens`; empty without it. */
  readonly tokens: readonly StoredToken[]
  /** Undefined without TLS. */
  readonly certificates: TlsContents | undefined
}

/** @throws {ConnectorError} InvalidConfiguration if a file can't be used, or access is not limited. */
export async function readHttpAccess(options: HttpOptions): Promise<HttpAccess> {
  const { tls } = options
  const token = await readToken(options)
  const tokens = await readTokens(options)
  refuseUnprotected(options)
  const certificates = tls === undefined ? undefined : await tlsFilesOf(tls).contents()
  return { token, tokens, certificates }
}

/** @throws {ConnectorError} InvalidConfiguration if the file can't be read, or is no file of tokens. */
async function readTokens({ tokens }: HttpOptions): Promise<readonly StoredToken[]> {
  if (tokens === undefined) return []
  const text = (await readNamedFile(tokens, 'http.tokens')).toString('utf8')
  try {
    return parseTokenFile(text)
  } catch (thrown) {
    throw new ConnectorError('InvalidConfiguration', `http.tokens: ${tokens}: ${messageOf(thrown)}`)
  }
}

/** Everything for which `readHttpAccess` would throw. */
export async function problemsOfHttp(options: HttpOptions): Promise<ConnectorError[]> {
  const { tls } = options
  return [
    ...(await problemOf(() => readToken(options))),
    ...(await problemOf(() => readTokens(options))),
    ...(await problemOf(() => refuseUnprotected(options))),
    ...(tls === undefined ? [] : await tlsFilesOf(tls).problems()),
  ]
}

/** What others could read or use, one sentence each. */
export async function noticesOfHttp(options: HttpOptions): Promise<readonly string[]> {
  const { host, tls, tokenFile, tokens, allowAnonymous } = options
  const notices: string[] = []
  if (!isLoopback(host) && allowAnonymous) {
    notices.push(
      `http.host is ${host} and http.allowAnonymous is set: anyone who reaches the port can read ` +
        'every message. Without allowAnonymous, http.tokens says who may.',
    )
  }
  if (!isLoopback(host) && isProtected(options) && tls === undefined) {
    notices.push(
      `http.host is ${host} and http.tls is not set: tokens and messages cross the network ` +
        'unencrypted, and anyone on the way can read them. Set http.tls.cert and http.tls.key; ' +
        'or set http.host: 127.0.0.1 and let a proxy on this machine speak TLS.',
    )
  }
  notices.push(...(await openFiles({ 'http.tokenFile': tokenFile }, { 'http.tokens': tokens })))
  return [...notices, ...(await openTlsFiles(tls, 'http.tls'))]
}

/** The files that are read again when they change. */
export function filesOfHttp({ tokenFile, tokens, tls }: HttpOptions): readonly string[] {
  const { cert, key, keyPassphraseFile, ca, crl } = tls ?? {}
  const files = [tokenFile, tokens, cert, key, keyPassphraseFile, ca, crl]
  return files.filter((path) => path !== undefined)
}

function tlsFilesOf(tls: HttpTlsOptions): TlsFiles {
  return new TlsFiles(tls, { place: 'http.tls', minVersion: tls.minVersion })
}

function admitsCertificates({ tls }: HttpOptions): boolean {
  return tls !== undefined && tls.clientCertificate !== 'ignored'
}

function isProtected(options: HttpOptions): boolean {
  const { token, tokenFile, tokens } = options
  const isTokenSet = [token, tokenFile, tokens].some((setting) => setting !== undefined)
  return isTokenSet || admitsCertificates(options)
}

function refuseUnprotected(options: HttpOptions): void {
  const { host, allowAnonymous } = options
  if (isLoopback(host) || allowAnonymous || isProtected(options)) return
  throw new ConnectorError(
    'InvalidConfiguration',
    `http.host is ${host}: anyone who reaches this address could read every message. ` +
      'Set http.tokens or http.tls.clientCertificate; or http.allowAnonymous: true to allow that; ' +
      'or listen on 127.0.0.1. `iot-analytics-connector token create <name>` makes a token.',
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
