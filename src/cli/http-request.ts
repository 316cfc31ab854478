/**
 * HTTP requests of the commands, each on a connection of its own. `fetch` can't be given an
 * authority to trust or a client certificate.
 */
import { X509Certificate } from 'node:crypto'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { TlsContents } from '../named-files/tls-files.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** A `Response` of these can have no body. */
const BODILESS = [204, 205, 304]

export interface Trust {
  /** The authority to trust in place of those that Node trusts, and the client's certificate. */
  readonly tls: TlsContents
  /** A certificate that is trusted whatever its names and its authority. */
  readonly pinned?: X509Certificate | undefined
}

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
  /** How long the connection may be silent; 0: without a limit. */
  readonly silenceMs: number
  /** The Unix socket to connect to, in place of the host and port of the URL. */
  readonly socketPath?: string | undefined
}

export interface HttpAnswer extends Response {
  /** What comes behind the body; complete when the body is read. */
  trailer(name: string): string | undefined
}

/** The other end is there, and says nothing. */
export class SilenceError extends Error {
  constructor(silenceMs: number) {
    super(`no answer within ${silenceMs / 1_000} s`)
  }
}

/** Rejects with the error of the connection. Follows no redirects. */
export function sendRequest(url: URL, request: HttpRequest, trust: Trust): Promise<HttpAnswer> {
  const { method = 'GET', headers, body, signal, silenceMs, socketPath } = request
  return new Promise((resolve, reject) => {
    const sent = httpRequest({
      method,
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, host: url.host },
      signal,
      createConnection: (_options, created) => {
        openSocket(url, trust, signal, socketPath).then(
          (socket) => created(null, socket),
          (error: Error) => {
            // Without a socket, a request that is destroyed says nothing.
            reject(error)
            sent.destroy()
          },
        )
        return undefined
      },
    })
    // The option `timeout` has no effect on a socket that `createConnection` makes.
    sent.setTimeout(silenceMs)
    sent.on('timeout', () => sent.destroy(new SilenceError(silenceMs)))
    sent.on('error', reject)
    sent.on('response', (answer) => resolve(responseOf(answer)))
    sent.end(body)
  })
}

function responseOf(answer: IncomingMessage): HttpAnswer {
  const headers = Object.entries(answer.headers).map(([name, value]) => [name, String(value)])
  const { statusCode: status = 500 } = answer
  const init = { status, headers: Object.fromEntries(headers) }
  const isEmpty = BODILESS.includes(status)
  if (isEmpty) answer.resume()
  return Object.assign(new Response(isEmpty ? null : Readable.toWeb(answer), init), {
    trailer: (name: string) => answer.trailers[name],
  })
}

/** A socket that may be written to: with TLS, the other end is one that is trusted. */
function openSocket(
  url: URL,
  trust: Trust,
  signal: AbortSignal,
  path: string | undefined,
): Promise<Socket> {
  const isTls = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = Number(url.port || (isTls ? 443 : 80))
  const plain = path === undefined ? { host, port } : { path }
  const socket = isTls ? openTls(host, port, trust) : connectTcp(plain)
  return new Promise((resolve, reject) => {
    const abort = () => socket.destroy(new Error('cancelled'))
    const timer = setTimeout(
      () => socket.destroy(new Error('no connection within 10 seconds')),
      CONNECT_TIMEOUT_MS,
    )
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
    signal.addEventListener('abort', abort)
    socket.once('error', (error) => {
      settle()
      reject(error)
    })
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      settle()
      const problem = problemOf(socket, trust)
      if (problem === undefined) resolve(socket)
      else socket.destroy(problem)
    })
  })
}

function openTls(host: string, port: number, { tls, pinned }: Trust): TLSSocket {
  return connectTls({
    host,
    port,
    ...tls,
    // RFC 6066, 3: no server name indication for IP addresses.
    ...(isIP(host) === 0 && { servername: host }),
    // With a pinned certificate, `problemOf` decides before anything is sent.
    rejectUnauthorized: pinned === undefined,
    ALPNProtocols: ['http/1.1'],
  })
}

/** Why the other end can't be trusted. */
function problemOf(socket: Socket | TLSSocket, { pinned }: Trust): Error | undefined {
  if (pinned === undefined || !('authorized' in socket) || socket.authorized) return undefined
  if (socket.getPeerX509Certificate()?.raw.equals(pinned.raw) === true) return undefined
  const code = String(socket.authorizationError)
  return Object.assign(new Error(`the certificate is not trusted: ${code}`), { code })
}

/** Undefined if the text has no certificate. */
export function certificateIn(pem: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}
