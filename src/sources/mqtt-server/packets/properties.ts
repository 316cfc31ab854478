/**
 * The properties of MQTT 5 packets (section 2.2.2): their types, which packets may carry them, and
 * whether more than once.
 */

import { isTopicName } from '../../../topics.ts'
import { PacketReader } from './packet-reader.ts'
import { PacketWriter } from './packet-writer.ts'
import { PacketType, ReasonCode } from './protocol.ts'
import { ProtocolViolation } from './protocol-violation.ts'

export type UserProperty = readonly [name: string, value: string]

type NumberName =
  | 'payloadFormatIndicator'
  | 'messageExpiryIntervalS'
  | 'sessionExpiryIntervalS'
  | 'serverKeepAliveS'
  | 'requestProblemInformation'
  | 'willDelayIntervalS'
  | 'requestResponseInformation'
  | 'receiveMaximum'
  | 'topicAliasMaximum'
  | 'topicAlias'
  | 'maximumPacketBytes'
  | 'maximumQos'
  | 'retainAvailable'
  | 'wildcardSubscriptionAvailable'
  | 'subscriptionIdentifierAvailable'
  | 'sharedSubscriptionAvailable'
type TextName =
  | 'contentType'
  | 'responseTopic'
  | 'assignedClientIdentifier'
  | 'authenticationMethod'
  | 'reasonString'
  | 'responseInformation'
  | 'serverReference'
type BinaryName = 'correlationData' | 'authenticationData'

export type Properties = { -readonly [name in NumberName]?: number } & {
  [name in TextName]?: string
} & { [name in BinaryName]?: Buffer } & {
  subscriptionIdentifiers?: number[]
  userProperties?: UserProperty[]
}

/** Stands for the will, whose properties are in CONNECT's payload and have rules of their own. */
export const WILL_PROPERTIES = 0
type Carrier = number

interface Shape {
  readonly type: 'byte' | 'uint16' | 'uint32'
  readonly name: NumberName
  readonly carriers: readonly Carrier[]
  /** Smallest and largest value, if the type allows more than the property does. */
  readonly min?: number
  readonly max?: number
}

const { connect, connack, publish, puback, pubrec, pubrel, pubcomp } = PacketType
const { subscribe, suback, unsubscribe, unsuback, disconnect, auth } = PacketType
const REASONED = [connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth]

const NUMBERS: Readonly<Record<number, Shape>> = {
  1: { type: 'byte', name: 'payloadFormatIndicator', carriers: [publish, WILL_PROPERTIES], max: 1 },
  2: { type: 'uint32', name: 'messageExpiryIntervalS', carriers: [publish, WILL_PROPERTIES] },
  17: { type: 'uint32', name: 'sessionExpiryIntervalS', carriers: [connect, connack, disconnect] },
  19: { type: 'uint16', name: 'serverKeepAliveS', carriers: [connack] },
  23: { type: 'byte', name: 'requestProblemInformation', carriers: [connect], max: 1 },
  24: { type: 'uint32', name: 'willDelayIntervalS', carriers: [WILL_PROPERTIES] },
  25: { type: 'byte', name: 'requestResponseInformation', carriers: [connect], max: 1 },
  33: { type: 'uint16', name: 'receiveMaximum', carriers: [connect, connack], min: 1 },
  34: { type: 'uint16', name: 'topicAliasMaximum', carriers: [connect, connack] },
  35: { type: 'uint16', name: 'topicAlias', carriers: [publish] },
  36: { type: 'byte', name: 'maximumQos', carriers: [connack], max: 1 },
  37: { type: 'byte', name: 'retainAvailable', carriers: [connack], max: 1 },
  39: { type: 'uint32', name: 'maximumPacketBytes', carriers: [connect, connack], min: 1 },
  40: { type: 'byte', name: 'wildcardSubscriptionAvailable', carriers: [connack], max: 1 },
  41: { type: 'byte', name: 'subscriptionIdentifierAvailable', carriers: [connack], max: 1 },
  42: { type: 'byte', name: 'sharedSubscriptionAvailable', carriers: [connack], max: 1 },
}

const TEXTS: Readonly<Record<number, { name: TextName; carriers: readonly Carrier[] }>> = {
  3: { name: 'contentType', carriers: [publish, WILL_PROPERTIES] },
  8: { name: 'responseTopic', carriers: [publish, WILL_PROPERTIES] },
  18: { name: 'assignedClientIdentifier', carriers: [connack] },
  21: { name: 'authenticationMethod', carriers: [connect, connack, auth] },
  26: { name: 'responseInformation', carriers: [connack] },
  28: { name: 'serverReference', carriers: [connack, disconnect] },
  31: { name: 'reasonString', carriers: REASONED },
}

const BINARIES: Readonly<Record<number, { name: BinaryName; carriers: readonly Carrier[] }>> = {
  9: { name: 'correlationData', carriers: [publish, WILL_PROPERTIES] },
  22: { name: 'authenticationData', carriers: [connect, connack, auth] },
}

const SUBSCRIPTION_IDENTIFIER = 11
const USER_PROPERTY = 38

/**
 * Reads the property length and the properties. Throws ProtocolViolation for a property that
 * `carrier` may not have.
 */
export function readProperties(reader: PacketReader, carrier: Carrier): Properties {
  const length = reader.variableByteInteger()
  // A reader that ends where the properties end: a value that runs past them is malformed.
  const own = new PacketReader(reader.bytes, reader.position, reader.position + length)
  reader.skip(length)
  const properties: Properties = {}
  while (!own.isAtEnd) readProperty(own, carrier, properties)
  // [MQTT-3.3.2-14]
  if (properties.responseTopic !== undefined && !isTopicName(properties.responseTopic)) {
    throw broken('response topic is empty or has a wildcard')
  }
  return properties
}

function readProperty(reader: PacketReader, carrier: Carrier, into: Properties): void {
  const id = reader.byte()
  const number = NUMBERS[id]
  const text = TEXTS[id]
  const binary = BINARIES[id]
  if (number !== undefined) {
    const value = reader[number.type]()
    expectBelongs(number, carrier, into, id)
    if (value < (number.min ?? 0) || value > (number.max ?? value)) {
      throw broken(`${number.name} may not be ${value}`)
    }
    into[number.name] = value
  } else if (text !== undefined) {
    const value = reader.text()
    expectBelongs(text, carrier, into, id)
    into[text.name] = value
  } else if (binary !== undefined) {
    const value = reader.binary()
    expectBelongs(binary, carrier, into, id)
    into[binary.name] = value
  } else if (id === USER_PROPERTY) {
    into.userProperties ??= []
    into.userProperties.push([reader.text(), reader.text()])
  } else if (id === SUBSCRIPTION_IDENTIFIER) {
    readSubscriptionIdentifier(reader, carrier, into)
  } else {
    throw new ProtocolViolation(`property ${id} does not exist`)
  }
}

function expectBelongs(
  shape: { readonly name: keyof Properties; readonly carriers: readonly Carrier[] },
  carrier: Carrier,
  into: Properties,
  id: number,
): void {
  if (!shape.carriers.includes(carrier)) throw misplaced(id, carrier)
  if (into[shape.name] !== undefined) throw broken(`property ${id} comes twice`)
}

/** Of a client's packets only SUBSCRIBE may carry one, and only once [MQTT-3.3.4-6]. */
function readSubscriptionIdentifier(
  reader: PacketReader,
  carrier: Carrier,
  into: Properties,
): void {
  const value = reader.variableByteInteger()
  if (carrier !== subscribe) throw misplaced(SUBSCRIPTION_IDENTIFIER, carrier)
  if (into.subscriptionIdentifiers !== undefined) throw broken('two subscription identifiers')
  if (value === 0) throw broken('subscription identifier 0')
  into.subscriptionIdentifiers = [value]
}

/**
 * Section 2.2.2.2 calls it a malformed packet. The sections on single packets, and other servers,
 * call it a protocol error.
 */
function misplaced(id: number, carrier: Carrier): ProtocolViolation {
  const message = `property ${id} does not belong here`
  const isMalformed = carrier === subscribe || carrier === unsubscribe
  return isMalformed ? new ProtocolViolation(message) : broken(message)
}

/** Well-formed, but not allowed (section 4.13.1). */
function broken(message: string): ProtocolViolation {
  return new ProtocolViolation(message, ReasonCode.protocolError)
}

/** The properties, preceded by their length, ready to be put into a packet. */
export function encodeProperties(properties: Properties): Buffer {
  const writer = new PacketWriter()
  for (const [id, shape] of Object.entries(NUMBERS)) {
    const value = properties[shape.name]
    if (value !== undefined) writer.byte(Number(id))[shape.type](value)
  }
  for (const [id, { name }] of Object.entries(TEXTS)) {
    const value = properties[name]
    if (value !== undefined) writer.byte(Number(id)).text(value)
  }
  for (const [id, { name }] of Object.entries(BINARIES)) {
    const value = properties[name]
    if (value !== undefined) writer.byte(Number(id)).binary(value)
  }
  for (const identifier of properties.subscriptionIdentifiers ?? []) {
    writer.byte(SUBSCRIPTION_IDENTIFIER).variableByteInteger(identifier)
  }
  for (const [name, value] of properties.userProperties ?? []) {
    writer.byte(USER_PROPERTY).text(name).text(value)
  }
  return writer.withLength()
}
