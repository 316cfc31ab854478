/**
 * The bounds of the MQTT server. None of them is ever exceeded, whatever a client sends.
 */
import { MAX_PAYLOAD_BYTES } from '../../../message.ts'

export interface MqttLimits {
  readonly maxConnections: number
  /** From one IPv4 address or IPv6 /64. */
  readonly maxConnectionsPerAddress: number
  readonly maxConnectsPerSecond: number
  /** Wrong passwords from one address. */
  readonly maxFailuresPerMinute: number
  /** What one client may publish; it is made to wait, nothing is dropped. */
  readonly maxMessagesPerSecond: number
  /** A packet longer than this ends the connection unread. Above the payload's limit, so that most oversized messages get a receipt. */
  readonly maxPacketBytes: number
  /** A connection that has not sent a CONNECT by then is closed. */
  readonly connectTimeoutMs: number
  /** What a connection's packets may hold while commits are behind; then its socket is paused. */
  readonly maxHeldBytes: number
  /** QoS 1 and 2 messages a client may have unacknowledged: MQTT 5's Receive Maximum. */
  readonly receiveMaximum: number
  /** Topic aliases a client may define. */
  readonly topicAliasMaximum: number
  /** A longer keep-alive is cut to this, and an MQTT 5 client is told. None at all (0) stays none before MQTT 5. */
  readonly maxKeepAliveS: number
  /** Bytes waiting in a subscriber's socket above which its QoS 0 messages are dropped. */
  readonly maxOutgoingBytes: number
  /** QoS 1 and 2 messages sent to a subscriber and not acknowledged. */
  readonly maxInflight: number
  /** QoS 1 and 2 messages that wait for a subscriber, beyond those in flight. */
  readonly maxQueuedMessages: number
  readonly maxQueuedBytes: number
  /** The same over all subscribers; what several wait for is counted for each. */
  readonly maxQueuedBytesOfAll: number
  readonly maxSubscriptionsPerClient: number
  readonly maxRetainedMessages: number
  readonly maxRetainedBytes: number
  readonly maxClientIdBytes: number
  /** Sessions kept without a connection. The one that would expire first makes room. */
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
