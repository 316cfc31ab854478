/**
 * Sends retained messages for new subscriptions (section 3.3.1.3). One filter may have to be
 * compared with all retained messages, so a SUBSCRIBE with many filters takes several turns of the
 * event loop.
 */

import { lowerQos } from '../packets/protocol.ts'
import type { SubscriptionOptions } from '../packets/subscribe-packet.ts'
import { isSharedFilter } from '../packets/topic.ts'
import { recipientOf } from '../topics/subscriptions.ts'
import type { Client } from './client.ts'

export interface NewSubscription {
  readonly filter: string
  readonly options: SubscriptionOptions
}

/** `queued`: those of QoS 1 and 2, which stay in the session's queue for now; `others`; or all. */
export type RetainedPart = 'queued' | 'others' | 'all'

/** Levels compared and messages delivered in a turn; the filter that exceeds it is the last one. */
const STEPS_A_TURN = 10_000

/** Each call does one turn's work. Returns true when all has been delivered to the session. */
export function replayRetained(
  client: Client,
  added: readonly NewSubscription[],
  part: RetainedPart,
): () => boolean {
  let next = 0
  return () => {
    const { retained } = client.broker
    let delivered = 0
    for (const before = retained.steps; retained.steps - before + delivered < STEPS_A_TURN; ) {
      const subscription = added[next++]
      if (subscription === undefined) return true
      delivered += replayOne(client, subscription, part)
    }
    return next >= added.length
  }
}

/** Returns how many messages were delivered. */
function replayOne(
  { broker, session, clock }: Client,
  { filter, options }: NewSubscription,
  part: RetainedPart,
): number {
  // Not for shared subscriptions (MQTT 5.0, section 4.8.2), nor for one that was removed meanwhile.
  if (isSharedFilter(filter) || !session.subscriptions.has(filter)) return 0
  const recipient = recipientOf(session, options)
  const messages = broker.retained.matching(filter, clock.monotonic())
  for (const message of messages) {
    const isQueued = lowerQos(message.qos, options.qos) > 0
    if (part !== 'all' && (part === 'queued') !== isQueued) continue
    session.deliverRetained(message, recipient, part !== 'queued')
  }
  return messages.length
}
