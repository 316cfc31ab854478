/** MQTT over TCP, plain or in TLS. */
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { systemCodeOf } from '../../../errors.ts'
import { addressed, handshakeFailure, serverTlsOptions } from '../../../named-files/server-tls.ts'
import type { TlsContents } from '../../../named-files/tls-files.ts'
import type { TlsOptions } from '../options.ts'
import { certifiedClient } from './certificates.ts'
import { type ListenerEvents, originOf } from './listener.ts'

/** A paused socket leaves incoming bytes in the kernel. While it is read this has no effect. */
const HELD_WHILE_PAUSED_BYTES = 1

export function createTcpServer(events: ListenerEvents): Server {
  const options = { noDelay: true, highWaterMark: HELD_WHILE_PAUSED_BYTES }
  return createServer(options, (socket) => {
    if (!events.admits(socket)) return
    const origin = originOf(socket, events)
    events.onArrival({ socket, transport: 'mqtt', certificateName: undefined, ...origin })
  })
}

export interface TlsListenerOptions {
  readonly tls: TlsOptions
  readonly certificates: TlsContents
  readonly handshakeTimeoutMs: number
}

export function createMqttsServer(
  { tls, certificates, handshakeTimeoutMs }: TlsListenerOptions,
  events: ListenerEvents,
) {
  const options = { ...serverTlsOptions(certificates, tls, handshakeTimeoutMs), noDelay: true }
  const server = createTlsServer(options, (socket) => {
    const client = certifiedClient(socket, tls)
    const origin = originOf(socket, events)
    if (client.refusal !== undefined) {
      socket.destroy()
      events.onRefused(origin.remote, client.refusal)
      return
    }
    events.onArrival({ socket, transport: 'mqtts', certificateName: client.name, ...origin })
  })
  server.on('connection', (socket: Socket) => events.admits(socket))
  reportHandshakes(server, events)
  return server
}

/** A failed handshake ends its connection; this reports why. */
export function reportHandshakes(server: Server, events: ListenerEvents): void {
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    socket.destroy()
    const reason = handshakeFailure(socket, systemCodeOf(error))
    events.onRefused(events.peerOf(addressed(socket)).remote, reason)
  })
}
