/** MQTT over WebSocket, plain or in TLS (MQTT 5.0, section 6). */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { WebSocketServer } from 'ws'
import type { Clock } from '../../../clock.ts'
import { serverTlsOptions } from '../../../named-files/server-tls.ts'
import type { Peer } from '../limits/connection-limits.ts'
import type { WebSocketOptions } from '../options.ts'
import { certifiedClient } from './certificates.ts'
import { type ListenerEvents, originOf } from './listener.ts'
import { reportHandshakes, type TlsListenerOptions } from './tcp-listener.ts'
import { WebSocketStream } from './web-socket-stream.ts'

export interface WebSocketListenerOptions {
  readonly webSocket: WebSocketOptions
  /** Set for `wss`. */
  readonly secure: TlsListenerOptions | undefined
  readonly timeoutMs: number
  readonly clock: Clock
  /** The client that a request's X-Forwarded-For names, if a proxy sends it. */
  readonly forwarded?: (header: string | readonly string[] | undefined) => Peer | undefined
  /** The longest WebSocket message that is accepted. */
  readonly maxMessageBytes: number
}

const MAX_HEADER_BYTES = 8_192
/** The name in the standard [MQTT-6.0.0-3], and the one that older clients use. */
const PROTOCOLS = ['mqtt', 'mqttv3.1']
const CHECK_INTERVAL_MS = 1_000
/** How long a client that was refused may take to read the answer and close. */
const REFUSED_MS = 2_000

export function createWebSocketServer(
  options: WebSocketListenerOptions,
  events: ListenerEvents,
): Server {
  const { secure, timeoutMs } = options
  const http = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    noDelay: true,
  }
  const server =
    secure === undefined
      ? createServer(http)
      : createHttpsServer({
          ...http,
          ...serverTlsOptions(secure.certificates, secure.tls, secure.handshakeTimeoutMs),
        })
  const upgrades = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: options.maxMessageBytes,
    handleProtocols: (offered) => PROTOCOLS.find((name) => offered.has(name)) ?? false,
  })
  server.on('connection', (socket: Socket) => events.admits(socket))
  server.on('request', (_request, response) => {
    response.writeHead(426, { Upgrade: 'websocket', Connection: 'close' }).end()
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const isKnown = identify(request, options, events)
    if (isKnown === 'refused') return
    const refusal = isKnown ? refusalOf(request, options.webSocket) : NO_CLIENT
    const client = clientOf(request, secure)
    const transport = secure === undefined ? 'ws' : 'wss'
    const origin = originOf(request.socket, events)
    if (refusal !== undefined || client.refusal !== undefined) {
      refuse(socket, options.clock, refusal)
      events.onRefused(origin.remote, refusal?.reason ?? client.refusal ?? '')
      return
    }
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const socket = new WebSocketStream(webSocket)
      events.onArrival({ socket, transport, certificateName: client.name, ...origin })
    })
  })
  if (secure !== undefined) reportHandshakes(server, events)
  return server
}

interface Refused {
  readonly status: string
  readonly reason: string
}

const NO_CLIENT: Refused = {
  status: '400 Bad Request',
  reason: 'its proxy named no client in X-Forwarded-For',
}

/**
 * Whether it is known which client the request is from. `refused`: its address has reached a limit,
 * and the connection is closed.
 */
function identify(
  { headers, socket }: IncomingMessage,
  { forwarded }: WebSocketListenerOptions,
  { identify }: ListenerEvents,
): boolean | 'refused' {
  if (forwarded === undefined) return true
  const peer = forwarded(headers['x-forwarded-for'])
  if (peer === undefined) return false
  return identify(socket, peer) || 'refused'
}

function refusalOf(request: IncomingMessage, options: WebSocketOptions): Refused | undefined {
  const [path] = (request.url ?? '').split('?')
  if (path !== options.path) {
    return { status: '404 Not Found', reason: 'requested a path other than webSocket.path' }
  }
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',')
  if (!offered.some((name) => PROTOCOLS.includes(name.trim()))) {
    return { status: '400 Bad Request', reason: 'did not offer the subprotocol mqtt' }
  }
  const { origin } = request.headers
  const { origins } = options
  // Without this check, any web page open in a browser on this network could connect as its user.
  if (origin !== undefined && !origins.includes('*') && !origins.includes(origin)) {
    return { status: '403 Forbidden', reason: 'its origin is not in webSocket.origins' }
  }
  return undefined
}

function clientOf({ socket }: IncomingMessage, secure: TlsListenerOptions | undefined) {
  if (secure === undefined || !(socket instanceof TLSSocket)) {
    return { name: undefined, refusal: undefined }
  }
  return certifiedClient(socket, secure.tls)
}

/** Answers and ends the connection. The socket is gone soon, also if the client never closes. */
function refuse(socket: Duplex, clock: Clock, refusal: Refused | undefined): void {
  const deadline = clock.after(REFUSED_MS, () => socket.destroy())
  socket.on('close', () => deadline.cancel())
  socket.on('error', () => socket.destroy())
  // With unread bytes the kernel would reset the connection, and the client get no answer.
  socket.resume()
  socket.end(
    `HTTP/1.1 ${refusal?.status ?? '403 Forbidden'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  )
}
