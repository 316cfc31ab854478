/** Handles DISCONNECT from the client, and sends the server's own (section 3.14). */
import { encodeDisconnect, readDisconnect } from '../packets/control-packets.ts'
import { ReasonCode } from '../packets/protocol.ts'
import { ProtocolViolation } from '../packets/protocol-violation.ts'
import type { Client } from './client.ts'

export function handleDisconnect(client: Client, bytes: Buffer, start: number, end: number): void {
  const { session, link, limits } = client
  const packet = readDisconnect(bytes, start, end, link.version, limits)
  const { reasonCode, sessionExpiryIntervalS } = packet
  if (sessionExpiryIntervalS !== undefined) {
    // The expiry may change, but not from 0 [MQTT-3.1.2-23 ff.].
    if (session.expiryIntervalS === 0 && sessionExpiryIntervalS !== 0) {
      throw new ProtocolViolation(
        'DISCONNECT sets an expiry for a session that had none',
        ReasonCode.protocolError,
      )
    }
    session.expiryIntervalS = sessionExpiryIntervalS
  }
  // [MQTT-3.14.4-3]: a normal disconnection discards the will.
  link.disconnected(reasonCode !== ReasonCode.success)
}

/**
 * Sends DISCONNECT before the server ends the connection; not before MQTT 5, which has no such
 * packet, nor if the packet would be too long for the client.
 */
export function sendDisconnect(client: Client, reasonCode: number, reason: string): void {
  const { version, maxPacketBytes } = client.link
  if (version !== 5) return
  const shown = client.maskRefusal(reasonCode, reason)
  const bytes = encodeDisconnect(shown.code, shown.reason)
  if (bytes.length <= maxPacketBytes) client.link.send(bytes)
}
