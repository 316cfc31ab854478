/** What the listeners of all transports have in common. */

import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { hostForUrl } from '../../../addresses.ts'
import { ConnectorError, messageOf, systemCodeOf } from '../../../errors.ts'
import type { Addressed, ConnectionLimits, Peer } from '../limits/connection-limits.ts'

/** A client whose transport is established. The server waits for its CONNECT. */
export interface Arrival {
  readonly socket: Duplex
  readonly transport: 'mqtt' | 'mqtts' | 'ws' | 'wss'
  readonly address: string
  /** Address and port, for logs. */
  readonly remote: string
  /** The name in the client's certificate, which TLS has verified. */
  readonly certificateName: string | undefined
  /** To be called when the client has been let in. */
  readonly onConnected?: () => void
}

export interface ListenerEvents {
  readonly onArrival: (arrival: Arrival) => void
  /** Returns whether a connection that was just accepted may stay. */
  readonly admits: (socket: Socket) => boolean
  readonly onRefused: (remote: string, reason: string) => void
  /** The client of a connection from a proxy is known. Returns whether it may stay. */
  readonly identify: ConnectionLimits['identify']
  /** The client at the other end, also behind a proxy. */
  readonly peerOf: (socket: Addressed) => Peer
  readonly onConnected: (socket: Addressed) => void
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
  /** The option that sets the port, for the error if the port is in use. */
  readonly setting: string
}

const BACKLOG = 1_024

/** Throws `AddressInUse`. */
export async function listenOn(
  server: Server,
  { host, port, setting }: ListenAddress,
): Promise<void> {
  server.listen({ host, port, backlog: BACKLOG })
  try {
    await once(server, 'listening')
  } catch (error) {
    const hint =
      systemCodeOf(error) === 'EADDRINUSE'
        ? `it is in use: stop what listens there (another MQTT broker?) or set another port in sources.mqttServer.${setting}`
        : messageOf(error)
    throw new ConnectorError('AddressInUse', `cannot listen on ${host}:${port}: ${hint}`, {
      cause: error,
    })
  }
}

export function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

export function urlOf(scheme: string, host: string, port: number, path = ''): string {
  return `${scheme}://${hostForUrl(host)}:${port}${path}`
}

/** The client of a socket: what its `Arrival` says about it. */
export function originOf(socket: Addressed, { peerOf, onConnected }: ListenerEvents) {
  return { ...peerOf(socket), onConnected: () => onConnected(socket) }
}
