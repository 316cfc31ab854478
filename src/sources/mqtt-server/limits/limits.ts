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
  /** The same for all connections together. Beyond it, those that hold the most are ended. */
  readonly maxHeldBytesOfAll: number
  /** QoS 1 and 2 messages a client may have unacknowledged: MQTT 5's Receive Maximum. */
  readonly receiveMaximum: number
  /** Topic aliases a client may define. */
  readonly topicAliasMaximum: number
  /** Topic aliases the server uses towards a client that offers as many or more. */
  readonly maxTopicAliases: number
  /** What is kept for these aliases, for all clients together. Beyond it, topics are written out. */
  readonly maxTopicAliasBytesOfAll: number
  /** Levels of a topic or topic filter. */
  readonly maxTopicLevels: number
  /** User properties of one packet. */
  readonly maxUserProperties: number
  /** Bytes of the user properties of one packet, in UTF-8. */
  readonly maxUserPropertyBytes: number
  /** A will's topic, payload and properties. */
  readonly maxWillBytes: number
  /** The wills of all clients, with what is kept beside their bytes. */
  readonly maxWillBytesOfAll: number
  /** The bytes of packets that have arrived in part, for all connections together. */
  readonly maxPartialBytesOfAll: number
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
  /** The same for all clients together. */
  readonly maxOutgoingBytesOfAll: number
  readonly maxSubscriptionsPerClient: number
  readonly maxSharedSubscriptionsPerClient: number
  /** The filters of one client's subscriptions, in UTF-8. */
  readonly maxFilterBytesPerClient: number
  /** The levels of the filters of all clients' subscriptions. */
  readonly maxFilterLevelsOfAll: number
  readonly maxRetainedMessages: number
  readonly maxRetainedBytes: number
  readonly maxClientIdBytes: number
  /**
   * Sessions kept without a connection. For a further one, the user who has the most of them loses
   * the one that has been offline longest.
   */
  readonly maxOfflineSessions: number
  /** The same of one user. */
  readonly maxOfflineSessionsPerUser: number
}

/** The user name and the password of a CONNECT, and whatever else is refused with a reason. */
const CREDENTIAL_BYTES = 16_384
/** The other fields of a CONNECT, and the lengths that precede fields. */
const CONNECT_OVERHEAD_BYTES = 1_024

/**
 * The longest CONNECT. Nobody has shown a password yet, so it is as short as the limits of its
 * fields allow.
 */
export function maxConnectBytes(limits: MqttLimits): number {
  const userProperties = limits.maxUserPropertyBytes + 5 * limits.maxUserProperties
  const fields = userProperties + limits.maxClientIdBytes + limits.maxWillBytes
  return Math.min(limits.maxPacketBytes, fields + CREDENTIAL_BYTES + CONNECT_OVERHEAD_BYTES)
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
  maxHeldBytesOfAll: 134_217_728,
  receiveMaximum: 1_024,
  topicAliasMaximum: 10,
  maxTopicAliases: 256,
  maxTopicAliasBytesOfAll: 33_554_432,
  maxTopicLevels: 16,
  maxUserProperties: 100,
  maxUserPropertyBytes: 16_384,
  maxWillBytes: 16_384,
  maxWillBytesOfAll: 67_108_864,
  maxPartialBytesOfAll: 67_108_864,
  maxKeepAliveS: 65_535,
  maxOutgoingBytes: 4_194_304,
  maxInflight: 256,
  maxQueuedMessages: 10_000,
  maxQueuedBytes: 8_388_608,
  maxQueuedBytesOfAll: 134_217_728,
  maxOutgoingBytesOfAll: 67_108_864,
  maxSubscriptionsPerClient: 1_000,
  maxSharedSubscriptionsPerClient: 64,
  maxFilterBytesPerClient: 65_536,
  maxFilterLevelsOfAll: 1_000_000,
  maxRetainedMessages: 20_000,
  maxRetainedBytes: 67_108_864,
  maxClientIdBytes: 1_024,
  maxOfflineSessions: 1_000,
  maxOfflineSessionsPerUser: 1_000,
}
