/**
 * A message on its way to subscribers, and PUBLISH packets written from it. What several
 * subscribers get alike is written once.
 *
 *     first byte │ remaining length │ topic │ packet id (QoS 1, 2) │ properties (MQTT 5) │ payload
 */

import { ownBytes } from '../packets/own-bytes.ts'
import { variableByteIntegerLength, writeVariableByteInteger } from '../packets/packet-writer.ts'
import { encodeProperties, type Properties } from '../packets/properties.ts'
import { PacketType, type ProtocolVersion, type Qos } from '../packets/protocol.ts'
import type { StoredMessage } from './stored-message.ts'
import type { PublishAlias } from './topic-aliases.ts'

/** Payloads below this length are kept as text: see `keep`. Longer buffers are no part of Node's pool. */
const TEXT_BYTES = 4_096
const NO_PROPERTIES = Buffer.from([0])
const EMPTY = Buffer.alloc(0)
const PUBLISH = PacketType.publish << 4

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

/** A message as it came: its payload is `bytes[payloadStart, end)`, in a buffer that is used again later. */
export interface Envelope {
  readonly bytes: Buffer
  readonly payloadStart: number
  readonly end: number
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: Properties
}

export interface PublicationTopic {
  readonly name: string
  readonly bytes: Buffer
}

/** Measured: what a waiting message with a short payload costs in objects, its place in a queue included. */
const OBJECT_BYTES = 448

/** Properties can be longer than the payload, and their texts are held as two bytes a character at worst. */
function heldByProperties({
  contentType = '',
  responseTopic = '',
  correlationData,
  userProperties = [],
}: Properties): number {
  let bytes = 2 * (contentType.length + responseTopic.length) + (correlationData?.length ?? 0)
  for (const [name, value] of userProperties) bytes += 2 * (name.length + value.length) + 96
  return bytes
}

export class Publication {
  readonly topic: PublicationTopic
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: Properties
  /** By the monotonic clock; undefined never. */
  readonly expiresAtMs: number | undefined
  /** What a store has of it. */
  stored: StoredMessage | undefined
  #bytes: Buffer
  #start: number
  #end: number
  /** The payload when it is kept and short, a character for each byte. */
  #text: string | undefined
  #isKept = false
  /** QoS 0, no retain flag, no subscription identifier: what most subscribers get. */
  #plain: Buffer | undefined
  #plain5: Buffer | undefined

  constructor(topic: PublicationTopic, envelope: Envelope, expiresAtMs: number | undefined) {
    this.topic = topic
    this.qos = envelope.qos
    this.retain = envelope.retain
    this.properties = envelope.properties
    this.expiresAtMs = expiresAtMs
    this.stored = undefined
    this.#bytes = envelope.bytes
    this.#start = envelope.payloadStart
    this.#end = envelope.end
  }

  get payloadBytes(): number {
    return this.#end - this.#start
  }

  /** Valid for as long as the publication is when `keep` was called before. */
  get payload(): Buffer {
    if (this.#text === undefined) return this.#bytes.subarray(this.#start, this.#end)
    const bytes = Buffer.allocUnsafeSlow(this.payloadBytes)
    bytes.write(this.#text, 0, 'latin1')
    return bytes
  }

  /** What goes on to subscribers as it came. */
  get forwardedProperties(): Properties {
    const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } =
      this.properties
    return {
      ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
      ...(contentType !== undefined && { contentType }),
      ...(responseTopic !== undefined && { responseTopic }),
      ...(correlationData !== undefined && { correlationData }),
      // In their order [MQTT-3.3.2-18].
      ...(userProperties !== undefined && { userProperties }),
    }
  }

  /** Roughly what it holds in memory while it waits. */
  get heldBytes(): number {
    const properties = this.#isBare ? 0 : heldByProperties(this.properties)
    return this.payloadBytes + this.topic.bytes.length + properties + OBJECT_BYTES
  }

  /**
   * Makes the payload its own. To be called by whoever holds the publication beyond the call it came
   * in. A short one becomes a string: that is made sooner than a buffer and holds what it counts
   * for, while a short buffer may hold the 8 KB it was cut from (`own-bytes.ts`).
   */
  keep(): this {
    if (this.#isKept) return this
    const length = this.payloadBytes
    if (length < TEXT_BYTES) {
      this.#text = this.#bytes.toString('latin1', this.#start, this.#end)
      this.#bytes = EMPTY
    } else {
      this.#bytes = ownBytes(this.#bytes.subarray(this.#start, this.#end))
    }
    this.#start = 0
    this.#end = length
    this.#isKept = true
    return this
  }

  /** All who get the message now have it. What was written for several of them is not held any longer. */
  forgetPackets(): void {
    this.#plain = undefined
    this.#plain5 = undefined
  }

  isExpired(nowMs: number): boolean {
    return this.expiresAtMs !== undefined && nowMs >= this.expiresAtMs
  }

  /** The packet at QoS 0 without anything that is particular to one subscriber; undefined when that can't be. */
  plain(version: ProtocolVersion): Buffer | undefined {
    if (version !== 5) {
      this.#plain ??= this.#frame(PUBLISH, this.topic.bytes, 0, EMPTY)
      return this.#plain
    }
    if (this.#plain5 === undefined && this.#isBare) {
      this.#plain5 = this.#frame(PUBLISH, this.topic.bytes, 0, NO_PROPERTIES)
    }
    return this.#plain5
  }

  encode(header: PublishHeader, nowMs: number): Buffer {
    const properties = header.version === 5 ? this.#properties(header, nowMs) : EMPTY
    const first =
      PUBLISH | (header.isDuplicate ? 8 : 0) | (header.qos << 1) | (header.retain ? 1 : 0)
    const topic = header.alias?.isKnown === true ? EMPTY : this.topic.bytes
    return this.#frame(first, topic, header.packetId, properties)
  }

  #frame(first: number, topic: Buffer, packetId: number, properties: Buffer): Buffer {
    const idBytes = packetId === 0 ? 0 : 2
    const length = 2 + topic.length + idBytes + properties.length + this.payloadBytes
    const bytes = Buffer.allocUnsafe(1 + variableByteIntegerLength(length) + length)
    bytes[0] = first
    let at = writeVariableByteInteger(bytes, 1, length)
    at = bytes.writeUInt16BE(topic.length, at)
    at += topic.copy(bytes, at)
    if (packetId !== 0) at = bytes.writeUInt16BE(packetId, at)
    at += properties.copy(bytes, at)
    if (this.#text === undefined) this.#bytes.copy(bytes, at, this.#start, this.#end)
    else bytes.write(this.#text, at, 'latin1')
    return bytes
  }

  #properties(header: PublishHeader, nowMs: number): Buffer {
    const isBare = this.#isBare && header.alias === undefined
    if (isBare && header.subscriptionIdentifiers.length === 0) return NO_PROPERTIES
    return encodeProperties({
      ...this.forwardedProperties,
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
    bytes[at] = PUBLISH
    at = writeVariableByteInteger(bytes, at + 1, head + end - start)
    at = bytes.writeUInt16BE(topic.length, at)
    at += topic.copy(bytes, at)
    if (version === 5) bytes[at++] = 0
    at += payloads.bytes.copy(bytes, at, start, end)
    start = end
  }
  return bytes
}
