/**
 * Handles PUBACK, PUBREC, PUBREL and PUBCOMP (sections 3.4 to 3.7): the next step in the exchange
 * of a QoS 1 or 2 message, in either direction.
 */
import { encodeAcknowledgement, readAcknowledgement } from '../packets/control-packets.ts'
import { PacketType, ReasonCode } from '../packets/protocol.ts'
import { ProtocolViolation } from '../packets/protocol-violation.ts'
import type { Session } from '../sessions/session.ts'
import type { Client } from './client.ts'

export function handleAcknowledgement(
  client: Client,
  type: 4 | 5 | 6 | 7,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  const { session, link, limits } = client
  const { version } = link
  const { packetId, reasonCode } = readAcknowledgement(type, bytes, start, end, version, limits)
  if (type === PacketType.pubrel) {
    answerPubrel(client, packetId)
    return
  }
  checkOrder(session, type, packetId)
  if (type === PacketType.pubrec && reasonCode < ReasonCode.unspecifiedError) {
    session.release(packetId)
    link.send(encodeAcknowledgement(PacketType.pubrel, version, packetId))
    return
  }
  // PUBACK, PUBCOMP, or a PUBREC that refuses the message and so ends the exchange [MQTT-4.3.3-1].
  session.complete(packetId)
}

/** An unknown packet id is no error: the PUBCOMP for it may have been lost. */
function answerPubrel({ broker, session, link }: Client, packetId: number): void {
  session.forgetReceived(packetId)
  const pubcomp = encodeAcknowledgement(PacketType.pubcomp, link.version, packetId)
  // PUBCOMP lets the client use the id for another message, so the id must be durably forgotten.
  if (session.record === undefined) link.send(pubcomp)
  else broker.commitGate.whenDurable(() => link.send(pubcomp))
}

/**
 * Throws ProtocolViolation for an acknowledgement of the wrong kind for a message in flight
 * (section 4.3). Unknown packet ids are ignored.
 */
function checkOrder(session: Session, type: number, packetId: number): void {
  const inflight = session.inflight(packetId)
  if (inflight === undefined) return
  const isExpected =
    type === PacketType.puback
      ? inflight.delivery.qos === 1
      : inflight.delivery.qos === 2 && (type === PacketType.pubrec || inflight.isReleased)
  if (isExpected) return
  throw new ProtocolViolation(
    `message ${packetId} does not wait for an acknowledgement of type ${type}`,
    ReasonCode.protocolError,
  )
}
