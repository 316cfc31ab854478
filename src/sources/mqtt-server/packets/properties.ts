/**
 * The properties of MQTT 5 packets (section 2.2.2): their types, which packets may carry them, and
 * whether more than once.
 *
 *     length │ id value │ id value │ …      user property: 38 │ name │ value
 *
 * What the server only passes on is checked and stays encoded: user properties are never decoded.
 */

import { isTopicName } from '../../../topics.ts'
import { checkText, PacketReader } from './packet-reader.ts'
import { PacketWriter } from './packet-writer.ts'
import { PacketType, ReasonCode } from './protocol.ts'
import { ProtocolViolation } from './protocol-violation.ts'

/** Bounds of the user properties of one packet. */
export interface PropertyLimits {
  readonly maxUserProperties: number
  /** Of their names and values in UTF-8. */
  readonly maxUserPropertyBytes: number
}

/** For properties that were read before, and are read again from a store. */
export const NO_PROPERTY_LIMITS: PropertyLimits = {
  maxUserProperties: Number.POSITIVE_INFINITY,
  maxUserPropertyBytes: Number.POSITIVE_INFINITY,
}

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
  /**
   * Of a PUBLISH and a will: the properties that are passed on to subscribers, encoded, in the order
   * in which they came [MQTT-3.3.2-18], without their length.
   */
  forwarded?: Buffer
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

/** What a server itself writes into the PUBLISH that a subscriber gets. */
export const SubscriberProperty = {
  messageExpiryInterval: 2,
  subscriptionIdentifier: 11,
  topicAlias: 35,
} as const
const SUBSCRIPTION_IDENTIFIER = SubscriberProperty.subscriptionIdentifier
const WILL_DELAY_INTERVAL = 24
const USER_PROPERTY = 38

/** These are for the server alone; it writes its own to each subscriber. */
const NOT_FORWARDED: ReadonlySet<number> = new Set<number>([
  SubscriberProperty.messageExpiryInterval,
  SubscriberProperty.topicAlias,
  WILL_DELAY_INTERVAL,
])

/**
 * Reads the property length and the properties. Throws ProtocolViolation for a property that
 * `carrier` may not have, and for user properties that exceed the limits. Buffers in the result are
 * parts of `reader.bytes`.
 */
export function readProperties(
  reader: PacketReader,
  carrier: Carrier,
  limits: PropertyLimits,
): Properties {
  const length = reader.variableByteInteger()
  const start = reader.position
  // A reader that ends where the properties end: a value that runs past them is malformed.
  const own = new PacketReader(reader.bytes, start, start + length)
  reader.skip(length)
  const properties: Properties = {}
  let userProperties = 0
  let userBytes = 0
  let gaps: number[] | undefined
  while (!own.isAtEnd) {
    const at = own.position
    const id = own.byte()
    if (id === USER_PROPERTY) {
      userProperties++
      userBytes = readUserProperty(own, limits, userProperties, userBytes)
      continue
    }
    readProperty(own, id, carrier, properties)
    if (!NOT_FORWARDED.has(id)) continue
    gaps ??= []
    gaps.push(at, own.position)
  }
  if (carrier === publish || carrier === WILL_PROPERTIES) {
    const forwarded = withoutGaps(own.bytes, start, own.end, gaps)
    if (forwarded !== undefined) properties.forwarded = forwarded
  }
  // [MQTT-3.3.2-14]
  if (properties.responseTopic !== undefined && !isTopicName(properties.responseTopic)) {
    throw broken('response topic is empty or has a wildcard')
  }
  return properties
}

/**
 * Checks the next user property without decoding it. `number` is its number within the packet, and
 * `before` the bytes of those before it. Returns the bytes of all of them.
 */
function readUserProperty(
  reader: PacketReader,
  { maxUserProperties, maxUserPropertyBytes }: PropertyLimits,
  number: number,
  before: number,
): number {
  if (number > maxUserProperties) {
    throw new ProtocolViolation(
      `expected at most ${maxUserProperties} user properties, got more`,
      ReasonCode.quotaExceeded,
    )
  }
  const name = reader.field()
  const nameEnd = reader.position
  const value = reader.field()
  const bytes = before + (nameEnd - name) + (reader.position - value)
  if (bytes > maxUserPropertyBytes) {
    throw new ProtocolViolation(
      `expected at most ${maxUserPropertyBytes} bytes of user properties, got more`,
      ReasonCode.quotaExceeded,
    )
  }
  checkText(reader.bytes, name, nameEnd)
  checkText(reader.bytes, value, reader.position)
  return bytes
}

/** `gaps`: where each gap begins and ends. Undefined if nothing is left. */
function withoutGaps(
  bytes: Buffer,
  start: number,
  end: number,
  gaps: readonly number[] | undefined,
): Buffer | undefined {
  if (gaps === undefined) return start === end ? undefined : bytes.subarray(start, end)
  let length = end - start
  for (let i = 0; i < gaps.length; i += 2) length -= (gaps[i + 1] ?? 0) - (gaps[i] ?? 0)
  if (length === 0) return undefined
  const kept = Buffer.allocUnsafe(length)
  let at = 0
  let from = start
  for (let i = 0; i < gaps.length; i += 2) {
    at += bytes.copy(kept, at, from, gaps[i])
    from = gaps[i + 1] ?? from
  }
  bytes.copy(kept, at, from, end)
  return kept
}

function readProperty(reader: PacketReader, id: number, carrier: Carrier, into: Properties): void {
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
    const start = reader.field()
    const value = reader.bytes.subarray(start, reader.position)
    expectBelongs(binary, carrier, into, id)
    into[binary.name] = value
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
  return written(properties).withLength()
}

/** The same without their length: the form of `forwarded`. */
export function encodeForwarded(properties: Properties): Buffer {
  return written(properties).bytes()
}

function written(properties: Properties): PacketWriter {
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
  return writer
}
