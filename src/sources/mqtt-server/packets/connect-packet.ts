/** Reads CONNECT (section 3.1) and writes CONNACK (section 3.2). */

import { isTopicName } from '../../../topics.ts'
import { ownBytes, PacketReader, readText } from './packet-reader.ts'
import { PacketWriter } from './packet-writer.ts'
import {
  encodeProperties,
  NO_PROPERTY_LIMITS,
  type Properties,
  type PropertyLimits,
  readProperties,
  WILL_PROPERTIES,
} from './properties.ts'
import { PacketType, type ProtocolVersion, type Qos, ReasonCode, ReturnCode } from './protocol.ts'
import { ProtocolViolation } from './protocol-violation.ts'

/** It may be kept for long: its buffers have memory of their own. */
export interface Will {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  /** Encoded as they came, preceded by their length. See `willProperties`. */
  readonly properties: Buffer
}

export interface ConnectPacket {
  readonly version: ProtocolVersion
  /**
   * The client is another broker: it sets the high bit of the protocol level, as mosquitto does.
   */
  readonly isBridge: boolean
  readonly clientId: string
  readonly isCleanStart: boolean
  /** 0 turns keep-alive off. */
  readonly keepAliveS: number
  readonly properties: Properties
  readonly will: Will | undefined
  readonly userName: string | undefined
  readonly password: Buffer | undefined
}

const BRIDGE_BIT = 0x80
const FLAG = { reserved: 1, cleanStart: 2, will: 4, willRetain: 32, password: 64, userName: 128 }
const NONE: Properties = {}
const NO_WILL_PROPERTIES = Buffer.from([0])

/** A CONNECT that is refused, with the CONNACK that answers it. */
export class RefusedConnect extends ProtocolViolation {
  readonly connack: Buffer

  constructor(message: string, reasonCode: number, connack: Buffer) {
    super(message, reasonCode)
    this.connack = connack
  }
}

/**
 * `first` is the packet's first byte. Throws RefusedConnect if the protocol has an answer to the
 * mistake, and another ProtocolViolation if it has none.
 */
export function readConnect(
  first: number,
  bytes: Buffer,
  start: number,
  end: number,
  limits: PropertyLimits,
): ConnectPacket {
  const reader = new PacketReader(bytes, start, end)
  const { version, isBridge } = readVersion(reader)
  // MQTT 3.1 has no rule about the flags of CONNECT.
  if (version !== 3 && (first & 0x0f) !== 0) throw new ProtocolViolation('reserved flags are set')
  if (version !== 5) return readFields(reader, version, isBridge, limits)
  try {
    return readFields(reader, version, isBridge, limits)
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw error
    // [MQTT-3.1.4-1]: since 5.0 a CONNACK says why.
    throw new RefusedConnect(
      error.message,
      error.reasonCode,
      encodeConnack(5, { code: error.reasonCode }),
    )
  }
}

function readFields(
  reader: PacketReader,
  version: ProtocolVersion,
  isBridge: boolean,
  limits: PropertyLimits,
): ConnectPacket {
  const flags = reader.byte()
  checkFlags(flags, version)
  const keepAliveS = reader.uint16()
  const properties = version === 5 ? readProperties(reader, PacketType.connect, limits) : NONE
  if (
    properties.authenticationData !== undefined &&
    properties.authenticationMethod === undefined
  ) {
    throw new ProtocolViolation('authentication data without a method', ReasonCode.protocolError)
  }
  const clientId = readClientId(reader)
  const will = (flags & FLAG.will) !== 0 ? readWill(reader, flags, version, limits) : undefined
  const userName = (flags & FLAG.userName) !== 0 ? reader.text() : undefined
  const password = (flags & FLAG.password) !== 0 ? reader.binary() : undefined
  reader.expectEnd()
  const isCleanStart = (flags & FLAG.cleanStart) !== 0
  return {
    version,
    isBridge,
    clientId,
    isCleanStart,
    keepAliveS,
    properties,
    will,
    userName,
    password,
  }
}

function readClientId(reader: PacketReader): string {
  const bytes = reader.binary()
  try {
    return readText(bytes, 0, bytes.length)
  } catch {
    throw new ProtocolViolation('client id with bad text', ReasonCode.clientIdentifierNotValid)
  }
}

function readVersion(reader: PacketReader): Pick<ConnectPacket, 'version' | 'isBridge'> {
  const name = reader.text()
  const byte = reader.byte()
  const level = byte & ~BRIDGE_BIT
  const isBridge = byte !== level && level !== 5
  if (name === 'MQIsdp' && level === 3) return { version: level, isBridge }
  if (name === 'MQTT' && (level === 4 || byte === 5))
    return { version: level === 4 ? 4 : 5, isBridge }
  if (name !== 'MQTT' && name !== 'MQIsdp') {
    throw new ProtocolViolation('not MQTT: unknown protocol name')
  }
  const message = `expected MQTT 3.1, 3.1.1 or 5.0, got protocol ${name} level ${byte}`
  const code = ReasonCode.unsupportedProtocolVersion
  // [MQTT-3.1.2-2]. Level 3 or 4 under the wrong protocol name is answered as in 3.1.1.
  const isOld = level === 3 || level === 4
  const connack = isOld
    ? encodeConnack(4, { code: ReturnCode.unacceptableProtocolVersion })
    : encodeConnack(5, { code })
  throw new RefusedConnect(message, code, connack)
}

function checkFlags(flags: number, version: ProtocolVersion): void {
  const willQos = (flags >> 3) & 3
  // [MQTT-3.1.2-3]
  if ((flags & FLAG.reserved) !== 0 && version !== 3)
    throw new ProtocolViolation('the reserved connect flag is set')
  // [MQTT-3.1.2-11], [MQTT-3.1.2-13], [MQTT-3.1.2-15]
  if ((flags & FLAG.will) === 0 && (willQos !== 0 || (flags & FLAG.willRetain) !== 0)) {
    throw new ProtocolViolation('will QoS or retain without a will')
  }
  // [MQTT-3.1.2-14]
  if (willQos === 3) throw new ProtocolViolation('will QoS 3')
  // [MQTT-3.1.2-22]; MQTT 5 allows a password alone.
  if (version !== 5 && (flags & (FLAG.password | FLAG.userName)) === FLAG.password) {
    throw new ProtocolViolation('password without user name')
  }
}

function readWill(
  reader: PacketReader,
  flags: number,
  version: ProtocolVersion,
  limits: PropertyLimits,
): Will {
  const properties = version === 5 ? readWillProperties(reader, limits) : NO_WILL_PROPERTIES
  const topic = reader.text()
  const payload = reader.binary()
  if (!isTopicName(topic)) {
    throw new ProtocolViolation(
      'will topic is empty or has a wildcard',
      ReasonCode.topicNameInvalid,
    )
  }
  const willQos = (flags >> 3) & 3
  const qos = willQos === 2 ? 2 : willQos === 1 ? 1 : 0
  return { topic, payload, qos, retain: (flags & FLAG.willRetain) !== 0, properties }
}

function readWillProperties(reader: PacketReader, limits: PropertyLimits): Buffer {
  const start = reader.position
  readProperties(reader, WILL_PROPERTIES, limits)
  return ownBytes(reader.bytes.subarray(start, reader.position))
}

export function willProperties({ properties }: Pick<Will, 'properties'>): Properties {
  const reader = new PacketReader(properties, 0, properties.length)
  return readProperties(reader, WILL_PROPERTIES, NO_PROPERTY_LIMITS)
}

export interface ConnackFields {
  /** A reason code in MQTT 5, a return code in older versions. */
  readonly code: number
  /** Default: false. MQTT 3.1 has no such flag. */
  readonly isSessionPresent?: boolean
  /** Only for MQTT 5. */
  readonly properties?: Properties
}

export function encodeConnack(version: ProtocolVersion, fields: ConnackFields): Buffer {
  const { code, isSessionPresent = false, properties = NONE } = fields
  const writer = new PacketWriter().byte(isSessionPresent && version !== 3 ? 1 : 0).byte(code)
  if (version === 5) writer.raw(encodeProperties(properties))
  return writer.frame(PacketType.connack << 4)
}
