/** The connected clients, as the operator sees them. */
import type { Clock } from '../../../clock.ts'
import type { ConnectedClient, ConnectedClients } from '../../source.ts'
import type { ConnectedLink } from '../broker/broker.ts'
import type { ProtocolVersion } from '../packets/protocol.ts'

const PROTOCOLS: Readonly<Record<ProtocolVersion, string>> = {
  3: 'MQTT 3.1',
  4: 'MQTT 3.1.1',
  5: 'MQTT 5',
}

export function clientsOf(links: ReadonlySet<ConnectedLink>, clock: Clock): ConnectedClients {
  return {
    count: links.size,
    *[Symbol.iterator]() {
      for (const link of links) yield shownClient(link, clock)
    },
  }
}

function shownClient(connected: ConnectedLink, clock: Clock): ConnectedClient {
  const { session, link, since, received, lastTopic, lastMessageAt } = connected
  const agoMs = clock.monotonic() - lastMessageAt
  return {
    clientId: session.clientId,
    userName: session.userName,
    address: link.address,
    transport: link.transport,
    protocol: PROTOCOLS[link.version],
    since,
    received,
    lastTopic,
    lastMessageAt: lastTopic === undefined ? undefined : clock.now() - agoMs,
    subscriptions: session.subscriptions.size,
  }
}
