/**
 * The properties of MQTT 5 packets (section 2.2.2): which exist, what type they have, which
 * packets may carry them and whether more than once.
 */
import type { PacketReader } from './packet-reader.ts'
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
type TextName =
  | 'contentType'
  | 'responseTopic'
  | 'assignedClientIdentifier'
  | 'authenticationMethod'
  | 'reasonString'
type BinaryName = 'correlationData' | 'authenticationData'

export type Properties = { -readonly [name in NumberName]?: number } & {
  [name in TextName]?: string
} & { [name in BinaryName]?: Buffer } & {
  subscriptionIdentifiers?: number[]
  userProperties?: UserProperty[]
}

/** The properties of a will stand in CONNECT's payload and have a table column of their own. */
export const WILL_PROPERTIES = 0
type Carrier = number

interface Shape {
  readonly type: 'byte' | 'uint16' | 'uint32'
  readonly name: NumberName
  readonly carriers: readonly Carrier[]
  /** Smallest and largest value allowed, where not every value of the type is. */
  readonly min?: number
  readonly max?: number
}

const { connect, connack, publish, puback, pubrec, pubrel, pubcomp } = PacketType
const { subscribe, suback, unsuback, disconnect, auth } = PacketType
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
  39: { type: 'uint32', name: 'maximumPacketBytes', carriers: [connect, connack], min: 1 },
}

const TEXTS: Readonly<Record<number, { name: TextName; carriers: readonly Carrier[] }>> = {
  3: { name: 'contentType', carriers: [publish, WILL_PROPERTIES] },
  8: { name: 'responseTopic', carriers: [publish, WILL_PROPERTIES] },
  18: { name: 'assignedClientIdentifier', carriers: [connack] },
  21: { name: 'authenticationMethod', carriers: [connect, connack, auth] },
  31: { name: 'reasonString', carriers: REASONED },
}

const BINARIES: Readonly<Record<number, { name: BinaryName; carriers: readonly Carrier[] }>> = {
  9: { name: 'correlationData', carriers: [publish, WILL_PROPERTIES] },
  22: { name: 'authenticationData', carriers: [connect, connack, auth] },
}

const SUBSCRIPTION_IDENTIFIER = 11
const USER_PROPERTY = 38

/** Reads a property length and what it covers. Throws ProtocolViolation for what `carrier` may not have. */
export function readProperties(reader: PacketReader, carrier: Carrier): Properties {
  const length = reader.variableByteInteger()
  const end = reader.position + length
  if (end > reader.end) throw new ProtocolViolation('properties run past the end of the packet')
  const properties: Properties = {}
  while (reader.position < end) readProperty(reader, carrier, properties)
  if (reader.position !== end) throw new ProtocolViolation('a property runs past their length')
  return properties
}

function readProperty(reader: PacketReader, carrier: Carrier, into: Properties): void {
  const id = reader.byte()
  const number = NUMBERS[id]
  const text = TEXTS[id]
  const binary = BINARIES[id]
  if (number !== undefined) {
    expect(number, carrier, into, id)
    into[number.name] = readNumber(reader, number)
  } else if (text !== undefined) {
    expect(text, carrier, into, id)
    into[text.name] = reader.text()
  } else if (binary !== undefined) {
    expect(binary, carrier, into, id)
    into[binary.name] = reader.binary()
  } else if (id === USER_PROPERTY) {
    into.userProperties ??= []
    into.userProperties.push([reader.text(), reader.text()])
  } else if (id === SUBSCRIPTION_IDENTIFIER && carrier === subscribe) {
    // In a client's packets only SUBSCRIBE has one, and one alone [MQTT-3.3.4-6].
    if (into.subscriptionIdentifiers !== undefined) throw repeated(id)
    into.subscriptionIdentifiers = [subscriptionIdentifier(reader)]
  } else if (id === SUBSCRIPTION_IDENTIFIER && carrier === publish) {
    throw new ProtocolViolation('subscription identifier from a client', ReasonCode.protocolError)
  } else {
    throw new ProtocolViolation(`property ${id} does not exist or does not belong in this packet`)
  }
}

function expect(
  shape: { readonly name: keyof Properties; readonly carriers: readonly Carrier[] },
  carrier: Carrier,
  into: Properties,
  id: number,
): void {
  if (!shape.carriers.includes(carrier)) {
    throw new ProtocolViolation(
      `property ${id} does not belong in this packet`,
      ReasonCode.protocolError,
    )
  }
  if (into[shape.name] !== undefined) throw repeated(id)
}

function repeated(id: number): ProtocolViolation {
  return new ProtocolViolation(`property ${id} comes twice`, ReasonCode.protocolError)
}

function readNumber(reader: PacketReader, shape: Shape): number {
  const value = reader[shape.type]()
  if (value < (shape.min ?? 0) || value > (shape.max ?? value)) {
    throw new ProtocolViolation(`${shape.name} may not be ${value}`, ReasonCode.protocolError)
  }
  return value
}

function subscriptionIdentifier(reader: PacketReader): number {
  const value = reader.variableByteInteger()
  if (value === 0) {
    throw new ProtocolViolation('subscription identifier 0', ReasonCode.protocolError)
  }
  return value
}

/** The properties with their length in front, ready to be put into a packet. */
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
