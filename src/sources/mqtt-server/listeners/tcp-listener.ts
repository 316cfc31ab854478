/** MQTT over TCP, plain or in TLS. */
import { createServer, type Server, type Socket } from 'node:net'
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TlsOptions as ServerTlsOptions,
  type TLSSocket,
} from 'node:tls'
import { systemCodeOf } from '../../../errors.ts'
import type { TlsOptions } from '../options.ts'
import { certifiedClient } from './certificates.ts'
import { type ListenerEvents, remoteOf } from './listener.ts'

/** A paused socket is to leave what comes in the kernel. (More is not held back by it while it is read.) */
const HELD_WHILE_PAUSED_BYTES = 1

export function createTcpServer(events: ListenerEvents): Server {
  const options = { noDelay: true, highWaterMark: HELD_WHILE_PAUSED_BYTES }
  return createServer(options, (socket) => {
    if (!events.admits(socket)) return
    events.onArrival({
      socket,
      address: socket.remoteAddress ?? '',
      remote: remoteOf(socket),
      certificateName: undefined,
    })
  })
}

/** What a server needs to know of TLS, whatever is spoken inside. */
export function serverTlsOptions(
  certificates: SecureContextOptions,
  options: TlsOptions,
  handshakeTimeout: number,
): ServerTlsOptions {
  return {
    ...certificates,
    handshakeTimeout,
    requestCert: options.clientCertificate !== 'ignored',
    // With `optional` a wrong certificate is turned away by us, a missing one is not.
    rejectUnauthorized: options.clientCertificate === 'required',
  }
}

export interface TlsListenerOptions {
  readonly tls: TlsOptions
  readonly certificates: SecureContextOptions
  readonly handshakeTimeoutMs: number
}

export function createMqttsServer(
  { tls, certificates, handshakeTimeoutMs }: TlsListenerOptions,
  events: ListenerEvents,
) {
  const options = { ...serverTlsOptions(certificates, tls, handshakeTimeoutMs), noDelay: true }
  const server = createTlsServer(options, (socket) => {
    const client = certifiedClient(socket, tls)
    const remote = remoteOf(socket)
    if (client.refusal !== undefined) {
      socket.destroy()
      events.onRefused(remote, client.refusal)
      return
    }
    const address = socket.remoteAddress ?? ''
    events.onArrival({ socket, address, remote, certificateName: client.name })
  })
  server.on('connection', (socket: Socket) => events.admits(socket))
  reportHandshakes(server, events)
  return server
}

/** A failed handshake ends its connection by itself; somebody should know why. */
export function reportHandshakes(server: Server, events: ListenerEvents): void {
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    socket.destroy()
    // Why a client's certificate was not taken is not in the error.
    const code = socket.authorizationError ?? systemCodeOf(error) ?? 'unknown error'
    events.onRefused(remoteOf(socket), `TLS handshake failed: ${code}`)
  })
}
