/** What a session and the packet handlers see of a client's connection. */
import type { Refusal } from '../../../message.ts'
import type { Permissions } from '../access/access-control.ts'
import type { ProtocolVersion } from '../packets/protocol.ts'
import type { TopicAliases } from '../topics/topic-aliases.ts'

export interface Link {
  readonly version: ProtocolVersion
  /** The client's IP address. */
  readonly address: string
  /** `mqtt`, `mqtts`, `ws` or `wss`. */
  readonly transport: string
  /** When the client sent something last, by the monotonic clock. */
  readonly heardAt: number
  /**
   * The client is another broker: it does not get its own messages back, and retain flags are kept.
   */
  readonly isBridge: boolean
  /** The client accepts no longer packets. */
  readonly maxPacketBytes: number
  /** How many QoS 1 and 2 messages the client accepts before it acknowledges one. */
  readonly receiveMaximum: number
  /** Undefined if the client accepts no topic aliases. */
  readonly aliases: TopicAliases | undefined
  /** What the client may do. A new object when that changes. */
  readonly permissions: Permissions
  /**
   * The client's remaining QoS 1 and 2 messages are not taken: it keeps them and sends them again.
   */
  readonly isLeaving: boolean
  /**
   * More bytes wait for the client than `maxOutgoingBytes`, or than its share of
   * `maxOutgoingBytesOfAll`.
   */
  readonly isCongested: boolean
  send(bytes: Buffer): void
  /** Charges work that the client causes to its budget; see `limits/work.ts`. */
  charge(work: number): void
  /** Runs `step` once a turn until it returns true. Until then all packets of the client wait. */
  inTurns(step: () => boolean): void
  /** Calls once, in a later turn, unless the connection has ended. */
  nextTurn(call: () => void): void
  /** The client has sent DISCONNECT. `hasWill` is false after a normal one. */
  disconnected(hasWill: boolean): void
  /** Ends the connection and gives the reason. The session is detached before this returns. */
  end(reasonCode: number, reason: string): void
  /** Ends the connection after a pause: messages were lost, and the protocol can't refuse them. */
  endSoon(refusal: Refusal): void
}
