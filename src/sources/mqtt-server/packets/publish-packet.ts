/**
 * Reads PUBLISH (section 3.3) in place, without copying or allocating anything. One instance is
 * filled again for every packet; its numbers are offsets into `bytes`.
 *
 *     topic length │ topic │ packet id (QoS 1, 2) │ properties (MQTT 5) │ payload … end
 */
import { PacketReader } from './packet-reader.ts'
import { type Properties, type PropertyLimits, readProperties } from './properties.ts'
import { PacketType, type ProtocolVersion, type Qos, ReasonCode } from './protocol.ts'
import { ProtocolViolation } from './protocol-violation.ts'

const EMPTY = Buffer.alloc(0)
const NONE: Properties = Object.freeze({})

export class PublishPacket {
  bytes: Buffer = EMPTY
  qos: Qos = 0
  isDuplicate = false
  retain = false
  topicStart = 0
  topicEnd = 0
  /** 0 at QoS 0. */
  packetId = 0
  /** The shared, empty NONE if the packet has no properties. Its buffers are parts of `bytes`. */
  properties: Properties = NONE
  propertyBytes = 0
  payloadStart = 0
  end = 0

  /** Throws ProtocolViolation. TopicCache checks the characters of the topic. */
  read(
    first: number,
    bytes: Buffer,
    start: number,
    end: number,
    version: ProtocolVersion,
    limits: PropertyLimits,
  ): void {
    const qos = (first >> 1) & 3
    this.bytes = bytes
    this.isDuplicate = (first & 8) !== 0
    this.retain = (first & 1) !== 0
    // [MQTT-3.3.1-4], [MQTT-3.3.1-2]
    if (qos === 3) throw new ProtocolViolation('PUBLISH with QoS 3')
    if (qos === 0 && this.isDuplicate) throw new ProtocolViolation('PUBLISH with QoS 0 and DUP')
    this.qos = qos === 0 ? 0 : qos === 1 ? 1 : 2

    let at = this.#readTopic(bytes, start, end)
    this.packetId = 0
    if (qos > 0) {
      at += 2
      if (at > end) throw truncated()
      this.packetId = ((bytes[at - 2] ?? 0) << 8) | (bytes[at - 1] ?? 0)
      if (this.packetId === 0) {
        throw new ProtocolViolation('packet identifier 0', ReasonCode.protocolError)
      }
    }
    this.properties = NONE
    this.propertyBytes = 0
    if (version === 5) at = this.#readProperties(bytes, at, end, limits)
    if (at > end) throw truncated()
    this.payloadStart = at
    this.end = end
  }

  #readTopic(bytes: Buffer, start: number, end: number): number {
    if (start + 2 > end) throw truncated()
    this.topicStart = start + 2
    this.topicEnd = start + 2 + (((bytes[start] ?? 0) << 8) | (bytes[start + 1] ?? 0))
    if (this.topicEnd > end) throw truncated()
    return this.topicEnd
  }

  #readProperties(bytes: Buffer, start: number, end: number, limits: PropertyLimits): number {
    if (start >= end) throw truncated()
    if (bytes[start] === 0) return start + 1
    const reader = new PacketReader(bytes, start, end)
    const properties = readProperties(reader, PacketType.publish, limits)
    // [MQTT-3.3.2-8]
    if (properties.topicAlias === 0) {
      throw new ProtocolViolation('topic alias 0', ReasonCode.topicAliasInvalid)
    }
    this.properties = properties
    this.propertyBytes = reader.position - start
    return reader.position
  }
}

function truncated(): ProtocolViolation {
  return new ProtocolViolation('PUBLISH ends in the middle of a field')
}
