/**
 * Retained messages for new subscriptions (section 3.3.1.3). Each filter may mean a look at all that
 * is retained, so a SUBSCRIBE with many is worked on for so long a turn and no longer.
 */

import type { Broker } from '../broker/broker.ts'
import { lowerQos } from '../packets/protocol.ts'
import type { SubscriptionOptions } from '../packets/subscribe-packet.ts'
import { isSharedFilter } from '../packets/topic.ts'
import type { Session } from '../sessions/session.ts'
import { recipientOf } from '../topics/subscriptions.ts'

export interface FreshSubscription {
  readonly filter: string
  readonly options: SubscriptionOptions
}

/** Which messages: those that the session is owed (QoS 1 and 2), which go no further yet; the others; or all. */
export type RetainedPart = 'owed' | 'others' | 'all'

/** Levels looked at and messages delivered in a turn; the filter that goes beyond is the last one. */
const STEPS_A_TURN = 10_000

/** One turn's work a call. Returns true when all has been delivered to the session. */
export function replayRetained(
  broker: Broker,
  session: Session,
  fresh: readonly FreshSubscription[],
  part: RetainedPart,
): () => boolean {
  let next = 0
  return () => {
    const { retained } = broker
    let delivered = 0
    for (const before = retained.steps; retained.steps - before + delivered < STEPS_A_TURN; ) {
      const subscription = fresh[next++]
      if (subscription === undefined) return true
      delivered += replayOne(broker, session, subscription, part)
    }
    return next >= fresh.length
  }
}

/** Returns how many messages were delivered. */
function replayOne(
  { retained, clock }: Broker,
  session: Session,
  { filter, options }: FreshSubscription,
  part: RetainedPart,
): number {
  // Not for shared subscriptions (MQTT 5.0, section 4.8.2), nor for one that is over.
  if (isSharedFilter(filter) || !session.subscriptions.has(filter)) return 0
  const recipient = recipientOf(session, options)
  const messages = retained.matching(filter, clock.monotonic())
  for (const message of messages) {
    const isOwed = lowerQos(message.qos, options.qos) > 0
    if (part !== 'all' && (part === 'owed') !== isOwed) continue
    session.deliverRetained(message, recipient, part !== 'owed')
  }
  return messages.length
}
