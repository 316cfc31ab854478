/**
 * Handles CONNECT (sections 3.1, 3.2): decides whether the client is accepted, with which session,
 * and what CONNACK says.
 */
import { randomUUID } from 'node:crypto'
import type { Denial, Denied, Identity, Permissions } from '../access/access-control.ts'
import { maskRefusal } from '../access/refusal-masking.ts'
import type { ServerContext } from '../broker/server-context.ts'
import {
  type ConnectPacket,
  encodeConnack,
  type Will,
  willProperties,
} from '../packets/connect-packet.ts'
import type { Properties } from '../packets/properties.ts'
import { ReasonCode, ReturnCode } from '../packets/protocol.ts'
import { willBytes } from '../sessions/kept-wills.ts'
import { NEVER_EXPIRES_S, type Session } from '../sessions/session.ts'
import { dropForbiddenSubscriptions } from './subscribe.ts'

const EMPTY = Buffer.alloc(0)

export interface AcceptedConnect {
  readonly session: Session
  readonly identity: Identity
  readonly permissions: Permissions
  readonly connack: Buffer
}

export interface RejectedConnect {
  readonly session: undefined
  /** Empty when the client takes no packet of that length. */
  readonly connack: Buffer
  /** For the log. */
  readonly reason: string
}

interface Rejection {
  /** MQTT 5. */
  readonly reasonCode: number
  /** MQTT 3.1 and 3.1.1. */
  readonly returnCode: number
  readonly reason: string
}

/** The reasons contain nothing that the client sent. */
const DENIALS: Readonly<Record<Denial, Rejection>> = {
  badCredentials: {
    reasonCode: ReasonCode.badUserNameOrPassword,
    returnCode: ReturnCode.badUserNameOrPassword,
    reason: 'bad user name or password',
  },
  notAuthorized: notAuthorized('no user name was given'),
  tooManyAttempts: {
    reasonCode: ReasonCode.connectionRateExceeded,
    returnCode: ReturnCode.serverUnavailable,
    reason: 'too many wrong passwords from its address',
  },
  busy: {
    reasonCode: ReasonCode.serverBusy,
    returnCode: ReturnCode.serverUnavailable,
    reason: 'too many passwords are waiting to be checked',
  },
}

export function handleConnect(
  packet: ConnectPacket,
  context: ServerContext,
  identity: Identity | Denied,
): AcceptedConnect | RejectedConnect {
  if (identity.denial !== undefined) return rejected(packet, context, DENIALS[identity.denial])
  const { broker } = context
  const { userName } = identity
  const clientId = packet.clientId === '' ? `auto-${randomUUID()}` : packet.clientId
  const permissions = context.access.permissionsOf(userName, clientId)
  const rejection =
    rejectionByPacket(packet, context) ??
    rejectionByWill(packet.will, permissions) ??
    rejectionBySpace(packet.will, context, { clientId, userName })
  if (rejection !== undefined) return rejected(packet, context, rejection)
  const properties = connackProperties(packet, context, clientId)
  // Before anything is changed: a client that takes no CONNACK gets no session.
  if (!fits(encodeConnack(packet.version, { code: ReasonCode.success, properties }), packet)) {
    return {
      session: undefined,
      connack: EMPTY,
      reason: 'its maximum packet size is smaller than CONNACK',
    }
  }

  // Of its own user: another user may have a session with the same client id.
  const { session, isPresent } = broker.sessions.open(clientId, packet.isCleanStart, userName)
  session.identity = identity
  broker.sessions.configure(session, packet.will, expiryOf(packet))
  if (isPresent) {
    broker.work.done += session.subscriptions.size
    dropForbiddenSubscriptions(broker.subscriptions, session, permissions)
  }
  const connack = encodeConnack(packet.version, {
    code: ReasonCode.success,
    isSessionPresent: isPresent,
    properties,
  })
  return { session, identity, permissions, connack }
}

/** [MQTT-3.1.2-24] */
function fits(bytes: Buffer, { properties }: ConnectPacket): boolean {
  return bytes.length <= (properties.maximumPacketBytes ?? Number.POSITIVE_INFINITY)
}

function rejectionByPacket(
  { version, clientId, isCleanStart, properties }: ConnectPacket,
  { limits }: ServerContext,
): Rejection | undefined {
  if (properties.authenticationMethod !== undefined) {
    return {
      reasonCode: ReasonCode.badAuthenticationMethod,
      returnCode: 0,
      reason: 'extended authentication is not offered',
    }
  }
  // [MQTT-3.1.3-8]. MQTT 3.1 allows up to 23 characters, a limit that no server enforces.
  const bytes = Buffer.byteLength(clientId)
  const isUnusable =
    (clientId === '' && version === 4 && !isCleanStart) ||
    (clientId === '' && version === 3) ||
    bytes > limits.maxClientIdBytes
  if (!isUnusable) return undefined
  return {
    reasonCode: ReasonCode.clientIdentifierNotValid,
    returnCode: ReturnCode.identifierRejected,
    reason: `expected a client id of 1 to ${limits.maxClientIdBytes} bytes, got ${bytes}`,
  }
}

function rejectionByWill(will: Will | undefined, permissions: Permissions): Rejection | undefined {
  if (will === undefined) return undefined
  if (!permissions.mayPublish(will.topic)) return notAuthorized('may not publish its will')
  const { responseTopic } = willProperties(will)
  if (responseTopic === undefined || permissions.mayPublish(responseTopic)) return undefined
  return notAuthorized('may not publish to the response topic of its will')
}

function rejectionBySpace(
  will: Will | undefined,
  { broker, limits }: ServerContext,
  name: Pick<Session, 'clientId' | 'userName'>,
): Rejection | undefined {
  if (will === undefined) return undefined
  const returnCode = ReturnCode.serverUnavailable
  const bytes = willBytes(will)
  if (bytes > limits.maxWillBytes) {
    return {
      reasonCode: ReasonCode.packetTooLarge,
      returnCode,
      reason: `expected a will of at most ${limits.maxWillBytes} bytes, got ${bytes}`,
    }
  }
  if (broker.sessions.hasRoomForWill(name, will)) return undefined
  return { reasonCode: ReasonCode.quotaExceeded, returnCode, reason: 'no room for its will' }
}

function notAuthorized(reason: string): Rejection {
  return {
    reasonCode: ReasonCode.notAuthorized,
    returnCode: ReturnCode.notAuthorized,
    reason,
  }
}

/**
 * Before MQTT 5 there is no code for "reason not revealed": then all refusals that must not be
 * revealed have the same code.
 */
function rejected(
  packet: ConnectPacket,
  { revealsRefusals }: ServerContext,
  { reasonCode, returnCode, reason }: Rejection,
): RejectedConnect {
  const shown = maskRefusal(reasonCode, reason, revealsRefusals)
  const oldCode = shown.isMasked ? ReturnCode.notAuthorized : returnCode
  const code = packet.version === 5 ? shown.code : oldCode
  const connack = encodeConnack(packet.version, { code, properties: shown.reason })
  return { session: undefined, connack: fits(connack, packet) ? connack : EMPTY, reason }
}

/** Before MQTT 5 a session that is not clean never expires; `maxOfflineSessions` bounds it. */
function expiryOf(packet: ConnectPacket): number {
  if (packet.version === 5) return packet.properties.sessionExpiryIntervalS ?? 0
  return packet.isCleanStart ? 0 : NEVER_EXPIRES_S
}

function connackProperties(
  packet: ConnectPacket,
  { limits }: ServerContext,
  clientId: string,
): Properties {
  if (packet.version !== 5) return {}
  const { receiveMaximum, topicAliasMaximum, maxPacketBytes, maxKeepAliveS } = limits
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
