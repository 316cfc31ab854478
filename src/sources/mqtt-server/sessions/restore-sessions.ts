/** Makes sessions and retained messages out of what the store has kept, before anybody can connect. */
import type { Broker } from '../broker/broker.ts'
import type { Will } from '../packets/connect-packet.ts'
import { ownBytes } from '../packets/own-bytes.ts'
import { PacketReader } from '../packets/packet-reader.ts'
import { type Properties, readProperties, WILL_PROPERTIES } from '../packets/properties.ts'
import { PacketType } from '../packets/protocol.ts'
import { Publication } from '../topics/publication.ts'
import type { Delivery } from './outgoing-queue.ts'
import type { KeptSession } from './store/session-state.ts'
import type { KeptSessions } from './store/session-states.ts'
import type { StoredDelivery, StoredMessage, StoredWill } from './store/session-store.ts'

/** A session as it was left, in the terms of this process. */
export interface RestoredSession {
  readonly kept: KeptSession
  readonly will: Will | undefined
  readonly waiting: readonly Delivery[]
  readonly inflight: readonly { packetId: number; delivery: Delivery; isReleased: boolean }[]
}

export function restore(broker: Broker, { sessions, retained }: KeptSessions): void {
  const publications = new Publications(broker)
  for (const message of retained.values()) broker.retained.store(publications.of(message))
  for (const kept of [...sessions.values()].sort(byEnd)) {
    broker.sessions.restore({
      kept,
      will: kept.will && willOf(kept.will),
      waiting: [...kept.waiting.values()].map((stored) => publications.delivery(stored)),
      inflight: [...kept.inflight].map(([packetId, { delivery, isReleased }]) => ({
        packetId,
        delivery: publications.delivery(delivery),
        isReleased,
      })),
    })
  }
  // Those that ended while nothing ran, before anybody finds them present.
  broker.sessions.sweep()
}

/** The one longest without a connection first, as far as their ends tell. */
function byEnd(one: KeptSession, other: KeptSession): number {
  const [first, second] = [one.expiresAt ?? Infinity, other.expiresAt ?? Infinity]
  return first === second ? 0 : first - second
}

class Publications {
  readonly #broker: Broker
  /** So that what several wait for is held once. */
  readonly #made = new Map<StoredMessage, Publication>()

  constructor(broker: Broker) {
    this.#broker = broker
  }

  of(stored: StoredMessage): Publication {
    const known = this.#made.get(stored)
    if (known !== undefined) return known
    const { topic, qos, retain, payload, expiresAt } = stored
    const { clock } = this.#broker
    const isMortal = Number.isFinite(expiresAt)
    const properties = propertiesOf(stored.properties, PacketType.publish)
    const publication = new Publication(
      { name: topic, bytes: ownBytes(Buffer.from(topic)) },
      {
        bytes: payload,
        payloadStart: 0,
        end: payload.length,
        qos,
        retain,
        // What is left of it is worked out when it is sent.
        properties: isMortal ? { ...properties, messageExpiryIntervalS: 1 } : properties,
      },
      isMortal ? clock.monotonic() + (expiresAt - clock.now()) : undefined,
    )
    publication.stored = stored
    this.#made.set(stored, publication)
    return publication
  }

  delivery({ sequence, message, qos, retain, identifiers }: StoredDelivery): Delivery {
    return { sequence, publication: this.of(message), qos, retain, identifiers }
  }
}

function willOf({ topic, qos, retain, payload, properties }: StoredWill): Will {
  return { topic, qos, retain, payload, properties: propertiesOf(properties, WILL_PROPERTIES) }
}

function propertiesOf(bytes: Buffer, carrier: number): Properties {
  return readProperties(new PacketReader(bytes, 0, bytes.length), carrier)
}
