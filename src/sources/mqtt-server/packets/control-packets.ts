/** Reads and writes PUBACK, PUBREC, PUBREL, PUBCOMP (sections 3.4 to 3.7) and DISCONNECT (3.14). */
import { PacketReader } from './packet-reader.ts'
import { PacketWriter } from './packet-writer.ts'
import {
  encodeProperties,
  type Properties,
  type PropertyLimits,
  readProperties,
} from './properties.ts'
import { PacketType, type ProtocolVersion, ReasonCode } from './protocol.ts'
import { ProtocolViolation } from './protocol-violation.ts'

export interface Acknowledgement {
  readonly packetId: number
  readonly reasonCode: number
}

export interface DisconnectPacket {
  readonly reasonCode: number
  /** Undefined: the interval that CONNECT set stays. */
  readonly sessionExpiryIntervalS: number | undefined
}

type AcknowledgementType = 4 | 5 | 6 | 7

const PUBLISH_REASONS = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
const RELEASE_REASONS = new Set([0x00, 0x92])
/** The codes of table 3-10 that a client may send. */
const DISCONNECT_REASONS = new Set([
  0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
])

export function readAcknowledgement(
  type: AcknowledgementType,
  bytes: Buffer,
  start: number,
  end: number,
  version: ProtocolVersion,
  limits: PropertyLimits,
): Acknowledgement {
  const reader = new PacketReader(bytes, start, end)
  const packetId = reader.uint16()
  // [MQTT-2.2.1-4]: it repeats the identifier of a PUBLISH, which is never 0.
  if (packetId === 0) throw new ProtocolViolation('packet identifier 0', ReasonCode.protocolError)
  let reasonCode: number = ReasonCode.success
  if (version === 5 && !reader.isAtEnd) {
    reasonCode = reader.byte()
    const known =
      type === PacketType.puback || type === PacketType.pubrec ? PUBLISH_REASONS : RELEASE_REASONS
    if (!known.has(reasonCode)) throw unknownReason(reasonCode)
    if (!reader.isAtEnd) readProperties(reader, type, limits)
  }
  reader.expectEnd()
  return { packetId, reasonCode }
}

export function readDisconnect(
  bytes: Buffer,
  start: number,
  end: number,
  version: ProtocolVersion,
  limits: PropertyLimits,
): DisconnectPacket {
  const reader = new PacketReader(bytes, start, end)
  let reasonCode: number = ReasonCode.success
  let properties: Properties = {}
  if (version === 5 && !reader.isAtEnd) {
    reasonCode = reader.byte()
    if (!DISCONNECT_REASONS.has(reasonCode)) throw unknownReason(reasonCode)
    if (!reader.isAtEnd) properties = readProperties(reader, PacketType.disconnect, limits)
  }
  reader.expectEnd()
  return { reasonCode, sessionExpiryIntervalS: properties.sessionExpiryIntervalS }
}

function unknownReason(code: number): ProtocolViolation {
  return new ProtocolViolation(
    `reason code ${code} does not belong in this packet`,
    ReasonCode.protocolError,
  )
}

/** The body has two, three or more bytes: a reason code of success is left out. */
export function encodeAcknowledgement(
  type: AcknowledgementType,
  version: ProtocolVersion,
  packetId: number,
  reasonCode: number = ReasonCode.success,
  reasonString?: string,
): Buffer {
  // [MQTT-3.6.1-1]: PUBREL is the only one with bit 1 set.
  const first = (type << 4) | (type === PacketType.pubrel ? 2 : 0)
  const writer = new PacketWriter().uint16(packetId)
  if (version === 5 && (reasonCode !== ReasonCode.success || reasonString !== undefined)) {
    writer.byte(reasonCode)
    if (reasonString !== undefined) writer.raw(encodeProperties({ reasonString }))
  }
  return writer.frame(first)
}

/** MQTT 5 only. In older versions a server just closes the connection. */
export function encodeDisconnect(
  reasonCode: number,
  reason: Pick<Properties, 'reasonString'>,
): Buffer {
  return new PacketWriter()
    .byte(reasonCode)
    .raw(encodeProperties(reason))
    .frame(PacketType.disconnect << 4)
}
