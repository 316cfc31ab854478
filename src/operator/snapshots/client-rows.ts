/** The clients of the MQTT server, the busiest first, and who was refused lately. */
import type { ClientList, ClientRow } from '../../http/api/shapes/clients.ts'
import { timeText } from '../../iso-time.ts'
import { printable } from '../../shown-text.ts'
import type { ConnectedClient } from '../../sources/source.ts'
import { type Means, rateOf } from '../sampling/mean-watch.ts'
import type { Refused } from '../sampling/refused-clients.ts'

const MAX_CLIENTS = 200

export type ReceivedByClient = ReadonlyMap<string, number>

export function clientList(
  clients: Iterable<ConnectedClient>,
  means: Means<ReceivedByClient>,
  refused: readonly Refused[],
  nowMs: number,
): ClientList {
  const rows = [...clients].map((client): [ConnectedClient, number] => [
    client,
    rateOf(means.before.get(client.clientId) ?? 0, client.received, means.seconds),
  ])
  rows.sort(([one, oneRate], [other, otherRate]) => {
    return otherRate - oneRate || other.received - one.received || one.since - other.since
  })
  return {
    now: timeText(nowMs),
    clients: rows.slice(0, MAX_CLIENTS).map(([client, rate]) => clientRow(client, rate)),
    clientCount: rows.length,
    refused: refused.map(({ at, who, reason, times }) => {
      return { at: timeText(at), who, reason, times }
    }),
  }
}

function clientRow(client: ConnectedClient, rate: number): ClientRow {
  const { clientId, userName, address, transport, protocol, since } = client
  const { received, lastTopic, lastMessageAt, subscriptions } = client
  return {
    clientId: printable(clientId),
    user: userName === undefined ? null : printable(userName),
    address,
    transport,
    protocol,
    since: timeText(since),
    in: rate,
    received,
    lastTopic: lastTopic === undefined ? null : printable(lastTopic),
    lastMessageAt: lastMessageAt === undefined ? null : timeText(lastMessageAt),
    subscriptions,
  }
}
