/** Checks the type and flags of a connected client's packet and calls the handler for it. */
import type { Refusal } from '../../../message.ts'
import { PacketType, ReasonCode } from '../packets/protocol.ts'
import { ProtocolViolation } from '../packets/protocol-violation.ts'
import { handleAcknowledgement } from './acknowledgements.ts'
import type { Client } from './client.ts'
import { handleDisconnect } from './disconnect.ts'
import { handlePing } from './ping.ts'
import { handlePublish } from './publish.ts'
import { handleSubscribe } from './subscribe.ts'
import { handleUnsubscribe } from './unsubscribe.ts'

/** The low half of a packet's first byte [MQTT-2.2.2-1], where it is not 0. */
const FLAGS: Readonly<Record<number, number>> = {
  [PacketType.pubrel]: 2,
  [PacketType.subscribe]: 2,
  [PacketType.unsubscribe]: 2,
}
/** For these, the servers that clients know call wrong flags a protocol error. */
const PROTOCOL_ERROR_FLAGS: ReadonlySet<number> = new Set([
  PacketType.connack,
  PacketType.pubrel,
  PacketType.disconnect,
  PacketType.auth,
])

/**
 * Returns a refusal if the packet is a PUBLISH that can't be stored now and is to be offered again.
 * Throws ProtocolViolation for what ends the connection.
 */
export function dispatch(
  client: Client,
  first: number,
  bytes: Buffer,
  start: number,
  end: number,
): Refusal | undefined {
  const type = first >> 4
  if (type === PacketType.publish) return handlePublish(client, first, bytes, start, end)
  checkFlags(type, first)
  switch (type) {
    case PacketType.puback:
    case PacketType.pubrec:
    case PacketType.pubrel:
    case PacketType.pubcomp:
      handleAcknowledgement(client, type, bytes, start, end)
      return undefined
    case PacketType.subscribe:
      handleSubscribe(client, bytes, start, end)
      return undefined
    case PacketType.unsubscribe:
      handleUnsubscribe(client, bytes, start, end)
      return undefined
    case PacketType.pingreq:
      handlePing(client, start, end)
      return undefined
    case PacketType.disconnect:
      handleDisconnect(client, bytes, start, end)
      return undefined
    default:
      // Packets that only servers send, a second CONNECT [MQTT-3.1.0-2], and AUTH: extended
      // authentication is not offered (section 3.15).
      throw new ProtocolViolation(
        `unexpected packet of type ${type} from a connected client`,
        ReasonCode.protocolError,
      )
  }
}

/** [MQTT-2.2.2-2] */
function checkFlags(type: number, first: number): void {
  if ((first & 0x0f) === (FLAGS[type] ?? 0)) return
  const isError = PROTOCOL_ERROR_FLAGS.has(type)
  const code = isError ? ReasonCode.protocolError : ReasonCode.malformedPacket
  throw new ProtocolViolation('reserved flags are set', code)
}
