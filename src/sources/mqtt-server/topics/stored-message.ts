import type { Qos } from '../packets/protocol.ts'

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
