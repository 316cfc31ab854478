/** The bounds of the MQTT server. None of them is ever exceeded, whatever a client sends. */
import { MAX_PAYLOAD_BYTES } from '../../../message.ts'

export interface MqttLimits {
  readonly maxConnections: number
  /** From one IPv4 address or IPv6 /64. */
  readonly maxConnectionsPerAddress: number
  readonly maxConnectsPerSecond: number
  /** Wrong passwords from one address. */
  readonly maxFailuresPerMinute: number
  /** Messages one client may publish. A faster client is slowed down; nothing is dropped. */
  readonly maxMessagesPerSecond: number
  /**
   * A longer packet ends the connection unread. The bound is above the payload limit, so that most
   * oversized messages still get a receipt.
   */
  readonly maxPacketBytes: number
  /** A connection that has not sent CONNECT within this time is closed. */
  readonly connectTimeoutMs: number
  /**
   * Bytes of a connection's packets that may wait for commits; beyond them its socket is paused.
   */
  readonly maxHeldBytes: number
  /** QoS 1 and 2 messages a client may have unacknowledged: MQTT 5's Receive Maximum. */
  readonly receiveMaximum: number
  /** Topic aliases a client may define. */
  readonly topicAliasMaximum: number
  /**
   * A longer keep-alive is reduced to this; MQTT 5 clients are informed. Before MQTT 5, a
   * keep-alive of 0 stays off.
   */
  readonly maxKeepAliveS: number
  /** Bytes waiting in a subscriber's socket above which its QoS 0 messages are dropped. */
  readonly maxOutgoingBytes: number
  /** QoS 1 and 2 messages sent to one subscriber and not acknowledged. */
  readonly maxInflight: number
  /** QoS 1 and 2 messages that wait for one subscriber, beyond those in flight. */
  readonly maxQueuedMessages: number
  readonly maxQueuedBytes: number
  /** The same for all subscribers together. A message that several wait for is counted for each. */
  readonly maxQueuedBytesOfAll: number
  readonly maxSubscriptionsPerClient: number
  readonly maxRetainedMessages: number
  readonly maxRetainedBytes: number
  readonly maxClientIdBytes: number
  /**
   * Sessions kept without a connection. For a further one, the session longest offline is dropped.
   */
  readonly maxOfflineSessions: number
}

export const DEFAULT_LIMITS: MqttLimits = {
  maxConnections: 20_000,
  maxConnectionsPerAddress: 1_000,
  maxConnectsPerSecond: 200,
  maxFailuresPerMinute: 10,
  maxMessagesPerSecond: Number.POSITIVE_INFINITY,
  maxPacketBytes: MAX_PAYLOAD_BYTES + 65_536,
  connectTimeoutMs: 5_000,
  maxHeldBytes: 65_536,
  receiveMaximum: 1_024,
  topicAliasMaximum: 10,
  maxKeepAliveS: 65_535,
  maxOutgoingBytes: 4_194_304,
  maxInflight: 256,
  maxQueuedMessages: 10_000,
  maxQueuedBytes: 8_388_608,
  maxQueuedBytesOfAll: 134_217_728,
  maxSubscriptionsPerClient: 1_000,
  maxRetainedMessages: 10_000,
  maxRetainedBytes: 67_108_864,
  maxClientIdBytes: 1_024,
  maxOfflineSessions: 1_000,
}
