/** Restores sessions and retained messages from the store, before the server listens. */

import type { Clock } from '../../../clock.ts'
import { MAX_TOPIC_BYTES } from '../../../message.ts'
import type { MqttLimits } from '../limits/limits.ts'
import { type Will, willProperties } from '../packets/connect-packet.ts'
import { ownBytes, PacketReader } from '../packets/packet-reader.ts'
import { NO_PROPERTY_LIMITS, readProperties } from '../packets/properties.ts'
import { PacketType } from '../packets/protocol.ts'
import type { PersistedMessage } from '../topics/persisted-message.ts'
import { Publication } from '../topics/publication.ts'
import type { RetainedMessages } from '../topics/retained-messages.ts'
import type { Delivery } from './outgoing-queue.ts'
import type { SessionRegistry } from './session-registry.ts'
import type { StoredDelivery, StoredWill } from './store/session-change.ts'
import type { SessionState } from './store/session-state.ts'
import type { StoredState } from './store/session-store.ts'

/** The parts of the broker that are filled. */
export interface RestoreTarget {
  readonly clock: Clock
  readonly limits: MqttLimits
  readonly retained: RetainedMessages
  readonly sessions: SessionRegistry
}

/** What was not restored, because an earlier version allowed more than the limits do now. */
export interface BeyondLimits {
  readonly subscriptions: number
  readonly retained: number
}

export function restore(target: RestoreTarget, kept: StoredState): BeyondLimits {
  const publications = new Publications(target.clock)
  let subscriptions = 0
  let retained = 0
  for (const message of kept.retained.values()) {
    const isRestored =
      isWithin(target.limits, message.topic) && target.retained.store(publications.of(message))
    if (!isRestored) retained++
  }
  for (const session of [...kept.sessions.values()].sort(byEnd)) {
    subscriptions += target.sessions.restore({
      kept: session,
      will: session.will && willOf(session.will),
      waiting: [...session.waiting.values()].map((stored) => publications.delivery(stored)),
      inflight: [...session.inflight].map(([packetId, { delivery, isReleased }]) => ({
        packetId,
        delivery: publications.delivery(delivery),
        isReleased,
      })),
    })
  }
  // Sessions that expired while the process was down end before a client can find them.
  target.sessions.sweep()
  return { subscriptions, retained }
}

function isWithin({ maxTopicLevels }: MqttLimits, topic: string): boolean {
  return topic.split('/').length <= maxTopicLevels && Buffer.byteLength(topic) <= MAX_TOPIC_BYTES
}

/**
 * Sessions that expire earlier come first. The store does not keep the order in which the sessions
 * lost their connections; this is the same order if all have the same expiry interval. Sessions
 * that never expire, or that were connected when the process ended, come last, in the order of the
 * store.
 */
function byEnd(one: SessionState, other: SessionState): number {
  const [first, second] = [one.expiresAt ?? Infinity, other.expiresAt ?? Infinity]
  return first === second ? 0 : first - second
}

class Publications {
  readonly #clock: Clock
  /** A message that several sessions wait for is held once. */
  readonly #made = new Map<PersistedMessage, Publication>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  of(stored: PersistedMessage): Publication {
    const known = this.#made.get(stored)
    if (known !== undefined) return known
    const { topic, qos, retain, payload, expiresAt } = stored
    const reader = new PacketReader(stored.properties, 0, stored.properties.length)
    const properties = readProperties(reader, PacketType.publish, NO_PROPERTY_LIMITS)
    const publication = new Publication(
      { name: topic, bytes: ownBytes(Buffer.from(topic)) },
      {
        bytes: payload,
        payloadStart: 0,
        end: payload.length,
        qos,
        retain,
        properties,
      },
      Number.isFinite(expiresAt)
        ? this.#clock.monotonic() + (expiresAt - this.#clock.now())
        : undefined,
    )
    publication.persisted = stored
    this.#made.set(stored, publication)
    return publication
  }

  delivery({ sequence, message, qos, retain, identifiers }: StoredDelivery): Delivery {
    return { sequence, publication: this.of(message), qos, retain, identifiers }
  }
}

/** Throws if its properties can't be read, rather than when it is due. */
function willOf(stored: StoredWill): Will {
  willProperties(stored)
  return stored
}
