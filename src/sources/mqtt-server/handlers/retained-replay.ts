/**
 * Sends retained messages for new subscriptions (section 3.3.1.3), as fast as the client takes them
 * and a bounded number in a turn of the event loop: there may be more of them than the session's
 * queue holds, and one filter may have to be compared with all of them.
 */

import { LEVELS_A_UNIT } from '../limits/work.ts'
import { lowerQos } from '../packets/protocol.ts'
import type { SubscriptionOptions } from '../packets/subscribe-packet.ts'
import { isSharedFilter } from '../packets/topic.ts'
import type { Replay } from '../sessions/replays.ts'
import type { Publication } from '../topics/publication.ts'
import { type Recipient, recipientOf } from '../topics/subscriptions.ts'
import type { Client } from './client.ts'

export interface NewSubscription {
  readonly filter: string
  readonly options: SubscriptionOptions
}

/** `queued`: those of QoS 1 and 2, which stay in the session's queue for now; `others`; or all. */
export type RetainedPart = 'queued' | 'others' | 'all'

interface Found {
  readonly message: Publication
  readonly recipient: Recipient
}

/** In each step, some nodes of the tree are visited or one message is delivered. */
const STEPS_A_TURN = 500

export class RetainedReplay implements Replay {
  readonly #client: Client
  readonly #part: RetainedPart
  readonly #steps: Iterator<Found | undefined, undefined>
  /** Found, but the session had no room for it. */
  #held: Found | undefined

  constructor(client: Client, added: readonly NewSubscription[], part: RetainedPart) {
    this.#client = client
    this.#part = part
    this.#steps = steps(client, added)
  }

  proceed(): 'done' | 'more' | 'full' {
    const { broker } = this.#client
    for (let i = 0; i < STEPS_A_TURN; i++) {
      broker.work.done++
      if (this.#held === undefined) {
        const { value, done } = this.#steps.next()
        if (done === true) return 'done'
        this.#held = value
      }
      if (this.#held !== undefined && !this.#deliver(this.#held)) return 'full'
      this.#held = undefined
    }
    return 'more'
  }

  /** Returns false if the session has no room for the message now. */
  #deliver({ message, recipient }: Found): boolean {
    const { session } = this.#client
    const isQueued = lowerQos(message.qos, recipient.qos) > 0
    if (this.#part !== 'all' && (this.#part === 'queued') !== isQueued) return true
    const goesOut = this.#part !== 'queued'
    if (!session.hasRoomFor(message, isQueued, goesOut)) return false
    session.deliverRetained(message, recipient, goesOut)
    return true
  }
}

/** The messages for each subscription in turn, and `undefined` for a step without one. */
function* steps(
  { broker, session, clock }: Client,
  added: readonly NewSubscription[],
): Generator<Found | undefined, undefined> {
  for (const { filter, options } of added) {
    // Not for shared subscriptions (MQTT 5.0, section 4.8.2).
    if (isSharedFilter(filter)) continue
    const recipient = recipientOf(session, options)
    const search = broker.retained.search(filter)
    // The subscription may be removed meanwhile.
    while (!search.isDone && session.subscriptions.has(filter)) {
      const message = search.next(clock.monotonic(), LEVELS_A_UNIT)
      yield message && { message, recipient }
    }
  }
  return undefined
}
