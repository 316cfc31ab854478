/** The changes that a session store records, and their parts. */
import type { Qos } from '../../packets/protocol.ts'
import type { SubscriptionOptions } from '../../packets/subscribe-packet.ts'
import type { PersistedMessage } from '../../topics/persisted-message.ts'
import type { SessionName } from './sessions-by-name.ts'

export interface StoredWill {
  readonly topic: string
  readonly qos: Qos
  readonly retain: boolean
  /** Encoded as in MQTT 5, including the will delay. */
  readonly properties: Buffer
  readonly payload: Buffer
}

/** A message queued for one session. */
export interface StoredDelivery {
  /** Ascending within the session. */
  readonly sequence: number
  readonly message: PersistedMessage
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly identifiers: readonly number[]
}

/**
 * Times are milliseconds since 1970, or infinite. A change that names an unknown session has no
 * effect.
 */
export type SessionChange =
  | ChangeOfSession
  | { readonly kind: 'retained'; readonly message: PersistedMessage }
  | { readonly kind: 'unretained'; readonly topic: string }

type ChangeOfSession = SessionName &
  (
    | /** A session begins that outlives its connection. It replaces the one of the same name. */
    { readonly kind: 'begun'; readonly lastPacketId: number }
    /** The client has connected with these settings. */
    | {
        readonly kind: 'connected'
        readonly expiryIntervalS: number
        readonly will: StoredWill | undefined
      }
    /** The client has disconnected. An infinite `willDueAt` means that no will is left. */
    | {
        readonly kind: 'disconnected'
        readonly expiresAt: number
        readonly willDueAt: number
      }
    | { readonly kind: 'willPublished' | 'ended' }
    | {
        readonly kind: 'subscribed'
        readonly filter: string
        readonly options: SubscriptionOptions
      }
    | { readonly kind: 'unsubscribed'; readonly filter: string }
    | { readonly kind: 'queued'; readonly delivery: StoredDelivery }
    /** The delivery is in flight. Deliveries queued before it and not sent have expired. */
    | { readonly kind: 'sent'; readonly sequence: number; readonly packetId: number }
    /** The delivery waits no more and is not sent. */
    | { readonly kind: 'dropped'; readonly sequence: number }
    /** `released`: PUBREC has been received. `settled`: the exchange is complete. */
    | { readonly kind: 'released' | 'settled'; readonly packetId: number }
    /** A QoS 2 message from the client is stored under this id, until PUBREL releases the id. */
    | { readonly kind: 'received' | 'forgotten'; readonly packetId: number }
  )
