import type { Qos } from '../packets/protocol.ts'

/** A message as the session store keeps it. Several sessions that wait for it share one object. */
export interface PersistedMessage {
  readonly topic: string
  readonly qos: Qos
  readonly retain: boolean
  /** Encoded as in MQTT 5: the properties passed on to subscribers, without the expiry. */
  readonly properties: Buffer
  readonly payload: Buffer
  /** Milliseconds since 1970; infinite if it does not expire. */
  readonly expiresAt: number
}
