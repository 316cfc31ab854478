/**
 * A message on its way to subscribers, and PUBLISH packets written from it. What several
 * subscribers get alike is written once.
 *
 *     first byte │ remaining length │ topic │ packet id (QoS 1, 2) │ properties (MQTT 5) │ payload
 */
import { variableByteIntegerLength, writeVariableByteInteger } from './packet-writer.ts'
import { encodeProperties, type Properties } from './properties.ts'
import { PacketType, type ProtocolVersion, type Qos } from './protocol.ts'
import type { PublishAlias } from './topic-aliases.ts'

const NO_PROPERTIES = Buffer.from([0])
const EMPTY = Buffer.alloc(0)

/** What differs from one subscriber to the next. */
export interface PublishHeader {
  readonly version: ProtocolVersion
  readonly qos: Qos
  readonly retain: boolean
  readonly isDuplicate: boolean
  readonly packetId: number
  readonly subscriptionIdentifiers: readonly number[]
  readonly alias: PublishAlias | undefined
}

export interface PublicationOptions {
  readonly topic: { readonly name: string; readonly bytes: Buffer }
  /** Stays as it is for as long as the publication lives. */
  readonly payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: Properties
  /** By the monotonic clock; undefined never. */
  readonly expiresAtMs: number | undefined
}

export class Publication {
  readonly topic: { readonly name: string; readonly bytes: Buffer }
  readonly payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: Properties
  readonly expiresAtMs: number | undefined
  /** QoS 0, no retain flag, no subscription identifier: what most subscribers get. */
  #plain: Buffer | undefined
  #plain5: Buffer | undefined

  constructor(options: PublicationOptions) {
    this.topic = options.topic
    this.payload = options.payload
    this.qos = options.qos
    this.retain = options.retain
    this.properties = options.properties
    this.expiresAtMs = options.expiresAtMs
  }

  /** Roughly what it holds in memory while it waits. */
  get bytes(): number {
    return this.payload.length + this.topic.bytes.length + 128
  }

  isExpired(nowMs: number): boolean {
    return this.expiresAtMs !== undefined && nowMs >= this.expiresAtMs
  }

  encode(header: PublishHeader, nowMs: number): Buffer {
    const isPlain =
      header.qos === 0 &&
      !header.retain &&
      header.subscriptionIdentifiers.length === 0 &&
      header.alias === undefined
    if (!isPlain) return this.#encode(header, nowMs)
    if (header.version !== 5) {
      this.#plain ??= this.#encode(header, nowMs)
      return this.#plain
    }
    if (this.expiresAtMs !== undefined) return this.#encode(header, nowMs)
    this.#plain5 ??= this.#encode(header, nowMs)
    return this.#plain5
  }

  #encode(header: PublishHeader, nowMs: number): Buffer {
    const properties = header.version === 5 ? this.#properties(header, nowMs) : EMPTY
    const first =
      (PacketType.publish << 4) |
      (header.isDuplicate ? 8 : 0) |
      (header.qos << 1) |
      (header.retain ? 1 : 0)
    const topic = header.alias?.isKnown === true ? EMPTY : this.topic.bytes
    return encodePublish(first, topic, header.packetId, properties, this.payload)
  }

  #properties(header: PublishHeader, nowMs: number): Buffer {
    const isBare = this.#isBare && header.alias === undefined
    if (isBare && header.subscriptionIdentifiers.length === 0) return NO_PROPERTIES
    const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } =
      this.properties
    return encodeProperties({
      ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
      ...(contentType !== undefined && { contentType }),
      ...(responseTopic !== undefined && { responseTopic }),
      ...(correlationData !== undefined && { correlationData }),
      // In their order [MQTT-3.3.2-18].
      ...(userProperties !== undefined && { userProperties }),
      // What remains of the interval [MQTT-3.3.2-6].
      ...(this.expiresAtMs !== undefined && {
        messageExpiryIntervalS: Math.max(1, Math.ceil((this.expiresAtMs - nowMs) / 1000)),
      }),
      ...(header.alias !== undefined && { topicAlias: header.alias.number }),
      subscriptionIdentifiers: [...header.subscriptionIdentifiers],
    })
  }

  get #isBare(): boolean {
    for (const _ in this.properties) return false
    return true
  }
}

function encodePublish(
  first: number,
  topic: Buffer,
  packetId: number,
  properties: Buffer,
  payload: Buffer,
): Buffer {
  const idBytes = packetId === 0 ? 0 : 2
  const length = 2 + topic.length + idBytes + properties.length + payload.length
  const bytes = Buffer.allocUnsafe(1 + variableByteIntegerLength(length) + length)
  bytes[0] = first
  let at = writeVariableByteInteger(bytes, 1, length)
  at = bytes.writeUInt16BE(topic.length, at)
  at += topic.copy(bytes, at)
  if (packetId !== 0) at = bytes.writeUInt16BE(packetId, at)
  at += properties.copy(bytes, at)
  payload.copy(bytes, at)
  return bytes
}

/** Many QoS 0 messages of one topic in one buffer, for one protocol version. */
export function encodeManyPublishes(
  version: ProtocolVersion,
  topic: Buffer,
  payloads: { readonly count: number; readonly bytes: Buffer; readonly ends: Uint32Array },
): Buffer {
  const head = 2 + topic.length + (version === 5 ? 1 : 0)
  let total = 0
  for (let i = 0, start = 0; i < payloads.count; i++) {
    const end = payloads.ends[i] ?? start
    const length = head + end - start
    total += 1 + variableByteIntegerLength(length) + length
    start = end
  }
  const bytes = Buffer.allocUnsafe(total)
  for (let i = 0, start = 0, at = 0; i < payloads.count; i++) {
    const end = payloads.ends[i] ?? start
    bytes[at] = PacketType.publish << 4
    at = writeVariableByteInteger(bytes, at + 1, head + end - start)
    at = bytes.writeUInt16BE(topic.length, at)
    at += topic.copy(bytes, at)
    if (version === 5) bytes[at++] = 0
    at += payloads.bytes.copy(bytes, at, start, end)
    start = end
  }
  return bytes
}
