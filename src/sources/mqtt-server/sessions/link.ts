/** A session's connection, while it has one. */
import type { Refusal } from '../../../message.ts'
import type { Permissions } from '../access/access-control.ts'
import type { ProtocolVersion } from '../packets/protocol.ts'
import type { TopicAliases } from '../topics/topic-aliases.ts'

export interface Link {
  readonly version: ProtocolVersion
  /** Another broker: its own messages don't come back to it, and retain flags stay as they are. */
  readonly isBridge: boolean
  /** The client takes no longer packets. */
  readonly maxPacketBytes: number
  /** The client takes no more QoS 1 and 2 messages at once. */
  readonly receiveMaximum: number
  /** Undefined when the client takes none. */
  readonly aliases: TopicAliases | undefined
  /** What the client may do; another object when that has changed. */
  readonly permissions: Permissions
  /** QoS 1 and 2 messages that are still to be looked at are not taken: the client keeps them. */
  readonly isLeaving: boolean
  /** More waits in the socket than should. */
  readonly isCongested: boolean
  send(bytes: Buffer): void
  /** Does `step` once a turn until it returns true. Meanwhile no packet of the client's is looked at. */
  inTurns(step: () => boolean): void
  /** The client has sent DISCONNECT. `hasWill` is false after a normal one. */
  disconnected(hasWill: boolean): void
  /** Ends the connection and says why. The session is given up before this returns. */
  end(reasonCode: number, reason: string): void
  /** Messages were lost that can't be refused any more: ends the connection after a pause. */
  endSoon(refusal: Refusal): void
}
