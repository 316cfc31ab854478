/**
 * A message on its way to subscribers, and the PUBLISH packets made from it. A packet that several
 * subscribers get in the same form is written once.
 *
 *     first byte │ remaining length │ topic │ packet id (QoS 1, 2) │ properties (MQTT 5) │ payload
 *                                                                    │
 *                            length │ expiry │ alias │ identifiers │ forwarded
 *                                   └─ of the subscriber ──────────┘ └─ as the publisher sent them
 */

import { variableByteIntegerLength, writeVariableByteInteger } from '../packets/packet-writer.ts'
import { type Properties, SubscriberProperty } from '../packets/properties.ts'
import { PacketType, type ProtocolVersion, type Qos } from '../packets/protocol.ts'
import type { PersistedMessage } from './persisted-message.ts'
import type { PublishAlias } from './topic-aliases.ts'

/**
 * Shorter messages are kept as strings: see `keep`. Longer buffers do not come from Node's pool.
 */
const TEXT_BYTES = 4_096
const NO_PROPERTIES = Buffer.from([0])
const EMPTY = Buffer.alloc(0)
const PUBLISH = PacketType.publish << 4
const EXPIRY_BYTES = 5
const ALIAS_BYTES = 3

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

const PLAIN: PublishHeader = {
  version: 4,
  qos: 0,
  retain: false,
  isDuplicate: false,
  packetId: 0,
  subscriptionIdentifiers: [],
  alias: undefined,
}
const PLAIN5: PublishHeader = { ...PLAIN, version: 5 }

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

export class Publication {
  readonly topic: PublicationTopic
  readonly qos: Qos
  readonly retain: boolean
  /** A time of the monotonic clock. Undefined if it never expires. */
  readonly expiresAtMs: number | undefined
  /**
   * The message in the form that the session store keeps: a cache of `SessionRecorder`, which fills
   * it once, so that the store writes a message once for all sessions that wait for it.
   */
  persisted: PersistedMessage | undefined
  readonly #forwardedBytes: number
  /** Encoded, without their length. Empty after `keep`: then they precede the payload. */
  #forwarded: Buffer
  #bytes: Buffer
  #start: number
  #end: number
  /** After `keep`, a short message: forwarded properties and payload, a character for each byte. */
  #text: string | undefined
  #isKept = false
  /** Packets at QoS 0 without retain flag and subscription identifier, as most subscribers get. */
  #plain: Buffer | undefined
  #plain5: Buffer | undefined

  constructor(topic: PublicationTopic, received: ReceivedMessage, expiresAtMs: number | undefined) {
    const { forwarded } = received.properties
    this.topic = topic
    this.qos = received.qos
    this.retain = received.retain
    this.expiresAtMs = expiresAtMs
    this.persisted = undefined
    this.#forwarded = forwarded ?? EMPTY
    this.#forwardedBytes = forwarded === undefined ? 0 : forwarded.length
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
    return ownLatin1(this.#text.slice(this.#start))
  }

  /** The properties that are passed on unchanged, preceded by their length, in memory of their own. */
  get forwardedProperties(): Buffer {
    const length = this.#forwardedBytes
    if (length === 0) return NO_PROPERTIES
    const bytes = Buffer.allocUnsafeSlow(variableByteIntegerLength(length) + length)
    const at = writeVariableByteInteger(bytes, 0, length)
    if (this.#text !== undefined) bytes.write(this.#text.slice(0, length), at, 'latin1')
    else if (this.#isKept) this.#bytes.copy(bytes, at, 0, length)
    else this.#forwarded.copy(bytes, at)
    return bytes
  }

  /** About how many bytes of memory it takes while it waits. */
  get heldBytes(): number {
    return this.payloadBytes + this.topic.bytes.length + this.#forwardedBytes + OBJECT_BYTES
  }

  /**
   * Copies properties and payload. Call it before holding the publication beyond the call that
   * passed it. A short message becomes a string: it is made faster than a buffer and takes no more
   * memory than it is counted for, while a short buffer may hold the 8 KB it was cut from
   * (`ownBytes`).
   */
  keep(): this {
    if (this.#isKept) return this
    const before = this.#forwardedBytes
    const length = before + this.payloadBytes
    if (length < TEXT_BYTES) {
      const payload = this.#bytes.toString('latin1', this.#start, this.#end)
      this.#text = before === 0 ? payload : this.#forwarded.toString('latin1') + payload
      this.#bytes = EMPTY
    } else {
      const bytes = Buffer.allocUnsafeSlow(length)
      this.#forwarded.copy(bytes)
      this.#bytes.copy(bytes, before, this.#start, this.#end)
      this.#bytes = bytes
    }
    this.#forwarded = EMPTY
    this.#start = before
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

  /** The packet at QoS 0 without any field that differs between subscribers. */
  plain(version: ProtocolVersion, nowMs: number): Buffer {
    if (version === 5) {
      this.#plain5 ??= this.encode(PLAIN5, nowMs)
      return this.#plain5
    }
    this.#plain ??= this.encode(PLAIN, nowMs)
    return this.#plain
  }

  encode(header: PublishHeader, nowMs: number): Buffer {
    const { version, qos, retain, isDuplicate, packetId, alias } = header
    const topic = alias?.isKnown === true ? EMPTY : this.topic.bytes
    const idBytes = packetId === 0 ? 0 : 2
    const properties =
      version === 5 ? this.#subscriberPropertyBytes(header) + this.#forwardedBytes : 0
    const propertyBytes = version === 5 ? variableByteIntegerLength(properties) + properties : 0
    const length = 2 + topic.length + idBytes + propertyBytes + this.payloadBytes
    const bytes = Buffer.allocUnsafe(1 + variableByteIntegerLength(length) + length)
    bytes[0] = PUBLISH | (isDuplicate ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
    let at = writeVariableByteInteger(bytes, 1, length)
    at = bytes.writeUInt16BE(topic.length, at)
    at += topic.copy(bytes, at)
    if (packetId !== 0) at = bytes.writeUInt16BE(packetId, at)
    if (version === 5) {
      at = writeVariableByteInteger(bytes, at, properties)
      at = this.#writeSubscriberProperties(bytes, at, header, nowMs)
    }
    this.#writeRest(bytes, at, version === 5)
    return bytes
  }

  #subscriberPropertyBytes({ alias, subscriptionIdentifiers }: PublishHeader): number {
    let length = this.expiresAtMs === undefined ? 0 : EXPIRY_BYTES
    if (alias !== undefined) length += ALIAS_BYTES
    for (const identifier of subscriptionIdentifiers) {
      length += 1 + variableByteIntegerLength(identifier)
    }
    return length
  }

  #writeSubscriberProperties(
    bytes: Buffer,
    start: number,
    { alias, subscriptionIdentifiers }: PublishHeader,
    nowMs: number,
  ): number {
    let at = start
    if (this.expiresAtMs !== undefined) {
      // The rest of the interval [MQTT-3.3.2-6].
      const leftS = Math.max(1, Math.ceil((this.expiresAtMs - nowMs) / 1000))
      bytes[at] = SubscriberProperty.messageExpiryInterval
      at = bytes.writeUInt32BE(leftS, at + 1)
    }
    if (alias !== undefined) {
      bytes[at] = SubscriberProperty.topicAlias
      at = bytes.writeUInt16BE(alias.number, at + 1)
    }
    for (const identifier of subscriptionIdentifiers) {
      bytes[at] = SubscriberProperty.subscriptionIdentifier
      at = writeVariableByteInteger(bytes, at + 1, identifier)
    }
    return at
  }

  /** The payload, after the forwarded properties if the protocol has them. */
  #writeRest(bytes: Buffer, at: number, hasProperties: boolean): void {
    if (this.#text !== undefined) {
      const text = hasProperties ? this.#text : this.#text.slice(this.#start)
      bytes.write(text, at, 'latin1')
      return
    }
    const copied = hasProperties ? this.#forwarded.copy(bytes, at) : 0
    const start = hasProperties && this.#isKept ? 0 : this.#start
    this.#bytes.copy(bytes, at + copied, start, this.#end)
  }
}

function ownLatin1(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(text.length)
  bytes.write(text, 0, 'latin1')
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
