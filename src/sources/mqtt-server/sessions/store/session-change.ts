/** The changes a store keeps, and what they are made of. */
import type { Qos } from '../../packets/protocol.ts'
import type { SubscriptionOptions } from '../../packets/subscribe-packet.ts'
import type { PersistedMessage } from '../../topics/persisted-message.ts'

export interface StoredWill {
  readonly topic: string
  readonly qos: Qos
  readonly retain: boolean
  /** As MQTT 5 writes them, the delay included. */
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

/** Times are milliseconds since 1970, or infinite. What names an unknown session changes nothing. */
export type SessionChange =
  /** A session that outlives its connection; in place of the one the client may have had. */
  | { readonly kind: 'begun'; readonly clientId: string; readonly lastPacketId: number }
  /** Its client is connected, with these settings. */
  | {
      readonly kind: 'connected'
      readonly clientId: string
      /** Whose the session is from here on. */
      readonly userName: string | undefined
      readonly expiryIntervalS: number
      readonly will: StoredWill | undefined
    }
  /** The client is gone; an infinite `willDueAt` says that no will is left. */
  | {
      readonly kind: 'disconnected'
      readonly clientId: string
      readonly expiresAt: number
      readonly willDueAt: number
    }
  | { readonly kind: 'willPublished' | 'ended'; readonly clientId: string }
  | {
      readonly kind: 'subscribed'
      readonly clientId: string
      readonly filter: string
      readonly options: SubscriptionOptions
    }
  | { readonly kind: 'unsubscribed'; readonly clientId: string; readonly filter: string }
  | { readonly kind: 'queued'; readonly clientId: string; readonly delivery: StoredDelivery }
  /** In flight from here on. Those queued before and not sent have expired. */
  | {
      readonly kind: 'sent'
      readonly clientId: string
      readonly sequence: number
      readonly packetId: number
    }
  /** `released`: PUBREC has come. `settled`: the exchange is over. */
  | {
      readonly kind: 'released' | 'settled'
      readonly clientId: string
      readonly packetId: number
    }
  /** A QoS 2 message of the client's is stored under this id, until PUBREL forgets it. */
  | {
      readonly kind: 'received' | 'forgotten'
      readonly clientId: string
      readonly packetId: number
    }
  | { readonly kind: 'retained'; readonly message: PersistedMessage }
  | { readonly kind: 'unretained'; readonly topic: string }
