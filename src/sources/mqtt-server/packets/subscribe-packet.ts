/** Reads SUBSCRIBE and UNSUBSCRIBE, writes SUBACK and UNSUBACK (sections 3.8 to 3.11). */
import { PacketReader } from './packet-reader.ts'
import { PacketWriter } from './packet-writer.ts'
import { type PropertyLimits, readProperties } from './properties.ts'
import { PacketType, type ProtocolVersion, type Qos, ReasonCode } from './protocol.ts'
import { ProtocolViolation } from './protocol-violation.ts'

/**
 * Retained messages at the time of subscribing: 0 sent, 1 sent if the filter is new, 2 not sent.
 */
export type RetainHandling = 0 | 1 | 2

export interface SubscriptionRequest {
  readonly filter: string
  readonly qos: Qos
  /** The subscriber does not get its own messages. */
  readonly noLocal: boolean
  /** The retain flag is passed on as the publisher set it. */
  readonly retainAsPublished: boolean
  readonly retainHandling: RetainHandling
}

/** The options of a subscription. */
export interface SubscriptionOptions {
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** MQTT 5's subscription identifier. */
  readonly identifier: number | undefined
}

export interface FilterLimits extends PropertyLimits {
  /** Of one packet, too: more filters are not decoded. */
  readonly maxSubscriptionsPerClient: number
}

export interface SubscribePacket {
  readonly packetId: number
  readonly identifier: number | undefined
  readonly requests: readonly SubscriptionRequest[]
  /** How many requests there are beyond these: more than a client may have subscriptions. */
  readonly excess: number
}

export interface UnsubscribePacket {
  readonly packetId: number
  readonly filters: readonly string[]
}

export function readSubscribe(
  bytes: Buffer,
  start: number,
  end: number,
  version: ProtocolVersion,
  limits: FilterLimits,
): SubscribePacket {
  const reader = new PacketReader(bytes, start, end)
  const packetId = reader.packetId()
  const properties =
    version === 5 ? readProperties(reader, PacketType.subscribe, limits) : undefined
  const requests: SubscriptionRequest[] = []
  let excess = 0
  do {
    if (requests.length < limits.maxSubscriptionsPerClient) {
      requests.push(readRequest(reader, version))
    } else {
      reader.field()
      reader.byte()
      excess++
    }
  } while (!reader.isAtEnd)
  return { packetId, identifier: properties?.subscriptionIdentifiers?.[0], requests, excess }
}

function readRequest(reader: PacketReader, version: ProtocolVersion): SubscriptionRequest {
  const filter = readFilter(reader)
  const options = reader.byte()
  const qos = options & 3
  const retainHandling = (options >> 4) & 3
  // [MQTT-3-8.3-4] in 3.1.1, [MQTT-3.8.3-5] in 5.0
  if (qos === 3 || (options & (version === 5 ? 0xc0 : 0xfc)) !== 0) {
    throw new ProtocolViolation('reserved subscription options are set')
  }
  if (retainHandling === 3) {
    throw new ProtocolViolation('retain handling 3')
  }
  const noLocal = (options & 4) !== 0
  // [MQTT-3.8.3-4]
  if (noLocal && filter.startsWith('$share/')) {
    throw new ProtocolViolation('no local on a shared subscription', ReasonCode.protocolError)
  }
  return {
    filter,
    qos: qos === 2 ? 2 : qos === 1 ? 1 : 0,
    noLocal,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling === 2 ? 2 : retainHandling === 1 ? 1 : 0,
  }
}

/** [MQTT-4.7.3-1] */
function readFilter(reader: PacketReader): string {
  const filter = reader.text()
  if (filter === '') throw new ProtocolViolation('empty topic filter')
  return filter
}

export function readUnsubscribe(
  bytes: Buffer,
  start: number,
  end: number,
  version: ProtocolVersion,
  limits: FilterLimits,
): UnsubscribePacket {
  const reader = new PacketReader(bytes, start, end)
  const packetId = reader.packetId()
  if (version === 5) readProperties(reader, PacketType.unsubscribe, limits)
  const filters: string[] = []
  // [MQTT-3.10.3-2]: at least one filter.
  do {
    if (filters.length >= limits.maxSubscriptionsPerClient) {
      throw new ProtocolViolation(
        `expected at most ${limits.maxSubscriptionsPerClient} topic filters, got more`,
        ReasonCode.quotaExceeded,
      )
    }
    filters.push(readFilter(reader))
  } while (!reader.isAtEnd)
  return { packetId, filters }
}

export function encodeSuback(
  version: ProtocolVersion,
  packetId: number,
  codes: readonly number[],
): Buffer {
  const writer = new PacketWriter().uint16(packetId)
  if (version === 5) writer.byte(0)
  return writer.raw(Buffer.from(codes)).frame(PacketType.suback << 4)
}

/** An UNSUBACK carries no codes before MQTT 5. */
export function encodeUnsuback(
  version: ProtocolVersion,
  packetId: number,
  codes: readonly number[],
): Buffer {
  const writer = new PacketWriter().uint16(packetId)
  if (version === 5) writer.byte(0).raw(Buffer.from(codes))
  return writer.frame(PacketType.unsuback << 4)
}
