/** The connected clients, as the operator sees them. */
import type { Clock } from '../../../clock.ts'
import type { ConnectedClient, ConnectedClients } from '../../source.ts'
import type { ProtocolVersion } from '../packets/protocol.ts'
import type { Connection } from './connection.ts'

const PROTOCOLS: Readonly<Record<ProtocolVersion, string>> = {
  3: 'MQTT 3.1',
  4: 'MQTT 3.1.1',
  5: 'MQTT 5',
}

export function clientsOf(connections: ReadonlySet<Connection>, clock: Clock): ConnectedClients {
  return {
    get count() {
      let count = 0
      for (const { client } of connections) if (client !== undefined) count += 1
      return count
    },
    *[Symbol.iterator]() {
      for (const connection of connections) {
        const shown = clientOf(connection, clock)
        if (shown !== undefined) yield shown
      }
    },
  }
}

function clientOf(connection: Connection, clock: Clock): ConnectedClient | undefined {
  const { client, address, transport, version } = connection
  if (client === undefined) return undefined
  const { session, since, received, lastTopic, lastMessageAt } = client
  return {
    clientId: session.clientId,
    userName: session.userName,
    address,
    transport,
    protocol: PROTOCOLS[version],
    since,
    received,
    lastTopic,
    lastMessageAt:
      lastTopic === undefined ? undefined : clock.now() - (clock.monotonic() - lastMessageAt),
    subscriptions: session.subscriptions.size,
  }
}
