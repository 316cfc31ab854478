/** Decides about CONNECT: who comes in, with which session, and what CONNACK says (sections 3.1, 3.2). */
import { randomUUID } from 'node:crypto'
import type { Denial, Denied, Identity, Permissions } from '../access/access-control.ts'
import { maskRefusal } from '../access/refusal-masking.ts'
import type { Broker } from '../broker/broker.ts'
import { type ConnectPacket, encodeConnack } from '../packets/connect-packet.ts'
import type { Properties } from '../packets/properties.ts'
import { ReasonCode, ReturnCode } from '../packets/protocol.ts'
import { NEVER_EXPIRES_S, type Session } from '../sessions/session.ts'
import { dropForbiddenSubscriptions } from './subscription-review.ts'

const EMPTY = Buffer.alloc(0)

export interface Admitted {
  readonly session: Session
  readonly identity: Identity
  readonly permissions: Permissions
  readonly connack: Buffer
}

export interface Rejected {
  readonly session: undefined
  /** Empty when the client takes no packet as long. */
  readonly connack: Buffer
  readonly reason: string
}

/** What each denial is called in MQTT 5 and before, and for the log; nothing of what the client said. */
const DENIALS: Readonly<Record<Denial, readonly [number, number, string]>> = {
  badCredentials: [
    ReasonCode.badUserNameOrPassword,
    ReturnCode.badUserNameOrPassword,
    'bad user name or password',
  ],
  notAuthorized: [ReasonCode.notAuthorized, ReturnCode.notAuthorized, 'no user was named'],
  tooManyAttempts: [
    ReasonCode.connectionRateExceeded,
    ReturnCode.serverUnavailable,
    'too many wrong passwords from its address',
  ],
  busy: [ReasonCode.serverBusy, ReturnCode.serverUnavailable, 'too many passwords to be checked'],
}

export function admit(
  packet: ConnectPacket,
  broker: Broker,
  identity: Identity | Denied,
): Admitted | Rejected {
  if (identity.denial !== undefined) return rejection(packet, broker, ...DENIALS[identity.denial])
  const { userName } = identity
  const clientId = packet.clientId === '' ? `auto-${randomUUID()}` : packet.clientId
  const permissions = broker.access.permissionsOf(userName, clientId)
  const rejected = reject(packet, broker) ?? rejectByAccess(packet, broker, userName, permissions)
  if (rejected !== undefined) return rejected
  const properties = offers(packet, broker, clientId)
  // Asked before anything is changed: a client that takes no CONNACK takes nothing.
  if (!fits(encodeConnack(packet.version, false, 0, properties), packet)) {
    return { session: undefined, connack: EMPTY, reason: 'takes no packet as long as a CONNACK' }
  }

  // What another user has left under this client id is not for this one.
  const isOthers = isOfAnother(broker, clientId, userName)
  const { session, isPresent } = broker.sessions.open(clientId, packet.isCleanStart || isOthers)
  session.userName = userName
  broker.sessions.configure(session, packet.will, expiryOf(packet))
  if (isPresent) dropForbiddenSubscriptions(broker, session, permissions)
  const connack = encodeConnack(packet.version, isPresent, 0, properties)
  return { session, identity, permissions, connack }
}

/** [MQTT-3.1.2-24] */
function fits(bytes: Buffer, { properties }: ConnectPacket): boolean {
  return bytes.length <= (properties.maximumPacketBytes ?? Number.POSITIVE_INFINITY)
}

function isOfAnother(broker: Broker, clientId: string, userName: string | undefined): boolean {
  const known = broker.sessions.find(clientId)
  return known !== undefined && known.userName !== userName
}

function rejectByAccess(
  packet: ConnectPacket,
  broker: Broker,
  userName: string | undefined,
  permissions: Permissions,
): Rejected | undefined {
  const { clientId, will } = packet
  const refuse = (reason: string): Rejected =>
    rejection(packet, broker, ReasonCode.notAuthorized, ReturnCode.notAuthorized, reason)
  if (isOfAnother(broker, clientId, userName) && broker.sessions.find(clientId)?.isOnline) {
    return refuse('another user is connected with this client id')
  }
  if (will === undefined) return undefined
  if (!permissions.mayPublish(will.topic)) return refuse('may not publish its will')
  const { responseTopic } = will.properties
  if (responseTopic === undefined || permissions.mayPublish(responseTopic)) return undefined
  return refuse('may not have answers to its will published')
}

function reject(packet: ConnectPacket, broker: Broker): Rejected | undefined {
  const { version, clientId, isCleanStart, properties } = packet
  if (properties.authenticationMethod !== undefined) {
    return rejection(
      packet,
      broker,
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
    broker,
    ReasonCode.clientIdentifierNotValid,
    ReturnCode.identifierRejected,
    `client id of ${Buffer.byteLength(clientId)} bytes can't be used here`,
  )
}

/** Before MQTT 5 there is no code that says nothing; then all who are kept in the dark hear the same one. */
function rejection(
  packet: ConnectPacket,
  { revealsRefusals }: Broker,
  reasonCode: number,
  returnCode: number,
  reason: string,
): Rejected {
  const told = maskRefusal(reasonCode, reason, revealsRefusals)
  const oldCode = told.isMasked ? ReturnCode.notAuthorized : returnCode
  const code = packet.version === 5 ? told.code : oldCode
  const connack = encodeConnack(packet.version, false, code, told.reason)
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
