/** Numbers of the MQTT wire format, named as in the standards (MQTT 3.1.1 and 5.0, section 2). */

/** The protocol level byte of CONNECT: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0. */
export type ProtocolVersion = 3 | 4 | 5
export type Qos = 0 | 1 | 2

/** A message is delivered at the lower QoS of its PUBLISH and the subscription. */
export function lowerQos(one: Qos, other: Qos): Qos {
  if (one === 0 || other === 0) return 0
  return one === 1 || other === 1 ? 1 : 2
}

export function higherQos(one: Qos, other: Qos): Qos {
  if (one === 2 || other === 2) return 2
  return one === 1 || other === 1 ? 1 : 0
}

/** The high four bits of a packet's first byte. */
export const PacketType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const

/** MQTT 5.0, section 2.4. Codes from 0x80 on report a failure. */
export const ReasonCode = {
  success: 0x00,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecific: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  payloadFormatInvalid: 0x99,
  connectionRateExceeded: 0x9f,
} as const

/** CONNACK's return codes in MQTT 3.1 and 3.1.1 (table 3.1). */
export const ReturnCode = {
  accepted: 0,
  unacceptableProtocolVersion: 1,
  identifierRejected: 2,
  serverUnavailable: 3,
  badUserNameOrPassword: 4,
  notAuthorized: 5,
} as const

/** The longest variable byte integer (sections 2.2.3 and 1.5.5). */
export const MAX_VARIABLE_BYTES = 4

export const PINGRESP = Buffer.from([PacketType.pingresp << 4, 0])
