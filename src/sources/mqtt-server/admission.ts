/** Decides about CONNECT: who comes in, with which session, and what CONNACK says (sections 3.1, 3.2). */
import { randomUUID } from 'node:crypto'
import type { Broker } from './broker.ts'
import { type ConnectPacket, encodeConnack } from './connect-packet.ts'
import type { Properties } from './properties.ts'
import { ReasonCode, ReturnCode } from './protocol.ts'
import { NEVER_EXPIRES_S, type Session } from './session.ts'

const EMPTY = Buffer.alloc(0)

export interface Admitted {
  readonly session: Session
  readonly connack: Buffer
}

export interface Rejected {
  readonly session: undefined
  /** Empty when the client takes no packet as long. */
  readonly connack: Buffer
  readonly reason: string
}

export function admit(packet: ConnectPacket, broker: Broker): Admitted | Rejected {
  const rejected = reject(packet, broker)
  if (rejected !== undefined) return rejected
  const clientId = packet.clientId === '' ? `auto-${randomUUID()}` : packet.clientId
  const properties = offers(packet, broker, clientId)
  // Asked before anything is changed: a client that takes no CONNACK takes nothing.
  if (!fits(encodeConnack(packet.version, false, 0, properties), packet)) {
    return { session: undefined, connack: EMPTY, reason: 'takes no packet as long as a CONNACK' }
  }

  const { session, isPresent } = broker.sessions.open(clientId, packet.isCleanStart)
  broker.sessions.configure(session, packet.will, expiryOf(packet))
  return { session, connack: encodeConnack(packet.version, isPresent, 0, properties) }
}

/** [MQTT-3.1.2-24] */
function fits(bytes: Buffer, { properties }: ConnectPacket): boolean {
  return bytes.length <= (properties.maximumPacketBytes ?? Number.POSITIVE_INFINITY)
}

function reject(packet: ConnectPacket, broker: Broker): Rejected | undefined {
  const { version, clientId, isCleanStart, properties } = packet
  if (properties.authenticationMethod !== undefined) {
    return rejection(
      packet,
      ReasonCode.badAuthenticationMethod,
      0,
      'extended authentication is not offered',
    )
  }
  // [MQTT-3.1.3-8]. MQTT 3.1 allows up to 23 characters, which nobody keeps to.
  const isUnusable =
    (clientId === '' && version === 4 && !isCleanStart) ||
    (clientId === '' && version === 3) ||
    Buffer.byteLength(clientId) > broker.limits.maxClientIdBytes
  if (!isUnusable) return undefined
  return rejection(
    packet,
    ReasonCode.clientIdentifierNotValid,
    ReturnCode.identifierRejected,
    `client id of ${Buffer.byteLength(clientId)} bytes can't be used here`,
  )
}

function rejection(
  packet: ConnectPacket,
  reasonCode: number,
  returnCode: number,
  reason: string,
): Rejected {
  const code = packet.version === 5 ? reasonCode : returnCode
  const connack = encodeConnack(packet.version, false, code, { reasonString: reason })
  return { session: undefined, connack: fits(connack, packet) ? connack : EMPTY, reason }
}

/** Before MQTT 5 a session that is not clean is kept for good; "for good" has the bound of `maxOfflineSessions`. */
function expiryOf(packet: ConnectPacket): number {
  if (packet.version === 5) return packet.properties.sessionExpiryIntervalS ?? 0
  return packet.isCleanStart ? 0 : NEVER_EXPIRES_S
}

function offers(packet: ConnectPacket, broker: Broker, clientId: string): Properties {
  if (packet.version !== 5) return {}
  const { receiveMaximum, topicAliasMaximum, maxPacketBytes, maxKeepAliveS } = broker.limits
  return {
    receiveMaximum,
    topicAliasMaximum,
    maximumPacketBytes: maxPacketBytes,
    // [MQTT-3.2.2-21]
    ...(packet.keepAliveS > maxKeepAliveS && { serverKeepAliveS: maxKeepAliveS }),
    // [MQTT-3.2.2-16]
    ...(packet.clientId === '' && { assignedClientIdentifier: clientId }),
  }
}
