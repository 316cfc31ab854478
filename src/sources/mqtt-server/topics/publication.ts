/**
 * A message on its way to subscribers, and the PUBLISH packets made from it. A packet that several
 * subscribers get in the same form is written once.
 *
 *     first byte │ remaining length │ topic │ packet id (QoS 1, 2) │ properties (MQTT 5) │ payload
 */

import { ownBytes } from '../packets/packet-reader.ts'
import { variableByteIntegerLength, writeVariableByteInteger } from '../packets/packet-writer.ts'
import { encodeProperties, type Properties } from '../packets/properties.ts'
import { PacketType, type ProtocolVersion, type Qos } from '../packets/protocol.ts'
import type { PersistedMessage } from './persisted-message.ts'
import type { PublishAlias } from './topic-aliases.ts'

/**
 * Shorter payloads are kept as strings: see `keep`. Longer buffers do not come from Node's pool.
 */
const TEXT_BYTES = 4_096
const NO_PROPERTIES = Buffer.from([0])
const EMPTY = Buffer.alloc(0)
const PUBLISH = PacketType.publish << 4

/** The fields that differ from one subscriber to the next. */
export interface PublishHeader {
  readonly version: ProtocolVersion
  readonly qos: Qos
  readonly retain: boolean
  readonly isDuplicate: boolean
  readonly packetId: number
  readonly subscriptionIdentifiers: readonly number[]
  readonly alias: PublishAlias | undefined
}

/** A message as a client sent it: the payload is `bytes[payloadStart, end)`, in a reused buffer. */
export interface ReceivedMessage {
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

/**
 * Measured: the objects of a waiting message with a short payload, including its place in a queue.
 */
const OBJECT_BYTES = 448

/** Properties can be longer than the payload. Their strings take up to two bytes a character. */
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
  /** A time of the monotonic clock. Undefined if it never expires. */
  readonly expiresAtMs: number | undefined
  /**
   * The message in the form that the session store keeps: a cache of `SessionRecorder`, which fills
   * it once, so that the store writes a message once for all sessions that wait for it.
   */
  persisted: PersistedMessage | undefined
  #bytes: Buffer
  #start: number
  #end: number
  /** After `keep`, a short payload: one character for each byte. */
  #text: string | undefined
  #isKept = false
  /** Packets at QoS 0 without retain flag and subscription identifier, as most subscribers get. */
  #plain: Buffer | undefined
  #plain5: Buffer | undefined

  constructor(topic: PublicationTopic, received: ReceivedMessage, expiresAtMs: number | undefined) {
    this.topic = topic
    this.qos = received.qos
    this.retain = received.retain
    this.properties = received.properties
    this.expiresAtMs = expiresAtMs
    this.persisted = undefined
    this.#bytes = received.bytes
    this.#start = received.payloadStart
    this.#end = received.end
  }

  get payloadBytes(): number {
    return this.#end - this.#start
  }

  /**
   * After `keep`, valid as long as the publication is; before, only while the packet is handled.
   */
  get payload(): Buffer {
    if (this.#text === undefined) return this.#bytes.subarray(this.#start, this.#end)
    const bytes = Buffer.allocUnsafeSlow(this.payloadBytes)
    bytes.write(this.#text, 0, 'latin1')
    return bytes
  }

  /** The properties that are passed on unchanged. */
  get forwardedProperties(): Properties {
    const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } =
      this.properties
    return {
      ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
      ...(contentType !== undefined && { contentType }),
      ...(responseTopic !== undefined && { responseTopic }),
      ...(correlationData !== undefined && { correlationData }),
      // In their original order [MQTT-3.3.2-18].
      ...(userProperties !== undefined && { userProperties }),
    }
  }

  /** About how many bytes of memory it takes while it waits. */
  get heldBytes(): number {
    const properties = this.#isBare ? 0 : heldByProperties(this.properties)
    return this.payloadBytes + this.topic.bytes.length + properties + OBJECT_BYTES
  }

  /**
   * Copies the payload. Call it before holding the publication beyond the call that passed it. A
   * short payload becomes a string: it is made faster than a buffer and takes no more memory than
   * it is counted for, while a short buffer may hold the 8 KB it was cut from (`ownBytes`).
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

  /** Releases the shared packets, once every subscriber that gets the message now has it. */
  forgetPackets(): void {
    this.#plain = undefined
    this.#plain5 = undefined
  }

  isExpired(nowMs: number): boolean {
    return this.expiresAtMs !== undefined && nowMs >= this.expiresAtMs
  }

  /**
   * The packet at QoS 0 without any field that differs between subscribers. Undefined if the
   * message has MQTT 5 properties and the version is 5.
   */
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
      // The rest of the interval [MQTT-3.3.2-6].
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
