/**
 * What keeps sessions and retained messages beyond the process. The broker tells it of every
 * change to what has to be kept, in order, and gets all of it back at the next start.
 *
 * A change is durable with a commit cycle of the intake's, so that whoever acknowledges a message waits
 * for one cycle and no more. Only sessions that outlive their connection are told of, and retained
 * messages: where there are neither, the store is never called after `open`.
 */

import type { Qos } from '../../packets/protocol.ts'
import type { SubscriptionOptions } from '../../topics/subscriptions.ts'
import type { KeptSessions } from './session-states.ts'

/** A message as it is kept. One object is shared by all who wait for it. */
export interface StoredMessage {
  readonly topic: string
  readonly qos: Qos
  readonly retain: boolean
  /** As MQTT 5 writes them: what is passed on to subscribers, without the expiry. */
  readonly properties: Buffer
  readonly payload: Buffer
  /** Milliseconds since 1970; infinite when it doesn't expire. */
  readonly expiresAt: number
}

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
  readonly message: StoredMessage
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
  | { readonly kind: 'retained'; readonly message: StoredMessage }
  | { readonly kind: 'unretained'; readonly topic: string }

export interface SessionStore {
  /**
   * What is kept, as it was left. Valid until the first change is noted. Never rejects: what can't
   * be read is reported, and the server starts without it.
   */
  open(): Promise<KeptSessions>
  /**
   * Takes one change. Returns the commit cycle it is durable with, or `NO_CYCLE` when nobody has to wait
   * for it: it changed nothing, or it can't be stored now. Then it is in memory alone, which is reported,
   * and stored later. Never throws.
   */
  note(change: SessionChange): number
  /** Resolves when all that was noted is durable, or can't be. */
  close(): Promise<void>
}
