/**
 * What the errors of brokers and connections mean for messages.
 *
 * Numbers are Kafka's error codes. A code that is not in the table is treated as one that may pass,
 * because only what a broker says of the messages themselves may reject them.
 */

import { connectionAdvice, connectionMessageOf } from '../../../connection-errors/advice.ts'
import type { ConnectionPeer } from '../../../connection-errors/peer.ts'
import { ConnectorError, type ErrorCode, messageOf, systemCodeOf } from '../../../errors.ts'

/**
 * `retry`: may pass. `stale`: ask for the topic's leaders again, then retry. `denied`: permission or
 * login. `content`: a message of the batch is to blame. `producer`: the broker does not go on with
 * this producer id, so a new one is needed. `clock`: times of messages don't fit.
 */
export type Reaction = 'retry' | 'stale' | 'denied' | 'content' | 'producer' | 'clock'

const TABLE: Readonly<Record<number, readonly [name: string, reaction: Reaction]>> = {
  1: ['OFFSET_OUT_OF_RANGE', 'stale'],
  2: ['CORRUPT_MESSAGE', 'retry'],
  3: ['UNKNOWN_TOPIC_OR_PARTITION', 'stale'],
  5: ['LEADER_NOT_AVAILABLE', 'stale'],
  6: ['NOT_LEADER_OR_FOLLOWER', 'stale'],
  7: ['REQUEST_TIMED_OUT', 'retry'],
  8: ['BROKER_NOT_AVAILABLE', 'stale'],
  9: ['REPLICA_NOT_AVAILABLE', 'stale'],
  10: ['MESSAGE_TOO_LARGE', 'content'],
  13: ['NETWORK_EXCEPTION', 'retry'],
  14: ['COORDINATOR_LOAD_IN_PROGRESS', 'retry'],
  15: ['COORDINATOR_NOT_AVAILABLE', 'retry'],
  16: ['NOT_COORDINATOR', 'retry'],
  17: ['INVALID_TOPIC_EXCEPTION', 'retry'],
  18: ['RECORD_LIST_TOO_LARGE', 'content'],
  19: ['NOT_ENOUGH_REPLICAS', 'retry'],
  20: ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'retry'],
  29: ['TOPIC_AUTHORIZATION_FAILED', 'denied'],
  30: ['GROUP_AUTHORIZATION_FAILED', 'denied'],
  31: ['CLUSTER_AUTHORIZATION_FAILED', 'denied'],
  32: ['INVALID_TIMESTAMP', 'clock'],
  33: ['UNSUPPORTED_SASL_MECHANISM', 'denied'],
  34: ['ILLEGAL_SASL_STATE', 'denied'],
  45: ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'producer'],
  47: ['INVALID_PRODUCER_EPOCH', 'producer'],
  48: ['INVALID_TXN_STATE', 'producer'],
  49: ['INVALID_PRODUCER_ID_MAPPING', 'producer'],
  51: ['CONCURRENT_TRANSACTIONS', 'retry'],
  53: ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'denied'],
  54: ['SECURITY_DISABLED', 'denied'],
  55: ['OPERATION_NOT_ATTEMPTED', 'retry'],
  56: ['KAFKA_STORAGE_ERROR', 'stale'],
  58: ['SASL_AUTHENTICATION_FAILED', 'denied'],
  59: ['UNKNOWN_PRODUCER_ID', 'producer'],
  74: ['FENCED_LEADER_EPOCH', 'stale'],
  75: ['UNKNOWN_LEADER_EPOCH', 'stale'],
  87: ['INVALID_RECORD', 'content'],
  89: ['THROTTLING_QUOTA_EXCEEDED', 'retry'],
  90: ['PRODUCER_FENCED', 'producer'],
}

/** After these the broker may have stored the records although it reports an error. */
const MAY_BE_STORED: ReadonlySet<number> = new Set([7, 13, 20])

/** Sent again with the same number, the records were recognised. */
export const DUPLICATE_SEQUENCE = 46

export function reactionTo(code: number): Reaction {
  return TABLE[code]?.[1] ?? 'retry'
}

export function mayBeStored(code: number): boolean {
  return MAY_BE_STORED.has(code)
}

export function nameOfCode(code: number): string {
  return TABLE[code]?.[0] ?? `error ${code}`
}

/** What happened, and where, for people. */
export class KafkaError extends ConnectorError {
  readonly reaction: Reaction
  readonly kafkaCode: number | undefined

  constructor(reaction: Reaction, message: string, kafkaCode?: number, cause?: unknown) {
    super(codeOf(reaction), message, { cause })
    this.reaction = reaction
    this.kafkaCode = kafkaCode
  }
}

function codeOf(reaction: Reaction): ErrorCode {
  return reaction === 'denied' ? 'DestinationDenied' : 'DestinationUnavailable'
}

/** @param doing such as `writing to topic telemetry`; the subject of the message */
export function errorOfCode(code: number, doing: string, detail?: string | null): KafkaError {
  const said = detail === undefined || detail === null || detail === '' ? '' : ` (${detail})`
  const text = `${doing}: ${nameOfCode(code)}${said}${ADVICE[code] ?? ''}`
  return new KafkaError(reactionTo(code), text, code)
}

const ADVICE: Readonly<Record<number, string>> = {
  19: '. Fewer replicas are in sync than min.insync.replicas of the topic asks for',
  20: '. Fewer replicas are in sync than min.insync.replicas of the topic asks for',
  29: '. The user needs the permission Write (and Describe) on the topic',
  31: '. The user needs the permission Write on the topic (before Kafka 3.0 also IdempotentWrite on the cluster)',
  32: '. The time of arrival is too far from the brokers’ time. Check this machine’s clock, or change message.timestamp.after.max.ms and message.timestamp.before.max.ms of the topic',
  33: '. The brokers don’t offer this sasl.mechanism',
  47: '. Another connector with the same id and the same name of the destination has taken over, or the transaction took too long. Two running connectors must not share an id',
  53: '. The user needs the permissions Write and Describe on the transactional id',
  58: '. Check sasl.username and the password',
  90: '. Another connector with the same id and the same name of the destination has taken over. Two running connectors must not share an id',
}

/** Converts what the client library, a socket or TLS has thrown. */
export function asKafkaError(thrown: unknown, doing: string, peer: ConnectionPeer): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown
  const chain = chainOf(thrown)
  const code = chain.map(apiCodeOf).find((one) => one !== undefined)
  if (code !== undefined) return errorOfCode(code, doing, serverMessageOf(chain))
  const login = chain.find((one) => propertyOf(one, 'code') === 'PLT_KFK_AUTHENTICATION')
  if (login !== undefined) {
    const text = `${doing}: the login failed: ${messageOf(login)}${ADVICE[58]}`
    return new KafkaError('denied', text, undefined, thrown)
  }
  const root = chain.findLast((one) => systemCodeOf(one)?.startsWith('PLT_') === false)
  const cause = root ?? chain.at(-1) ?? thrown
  const text = `${doing}: ${connectionMessageOf(cause) || messageOf(cause)}${connectionAdvice(cause, peer)}`
  return new KafkaError('retry', text.slice(0, MAX_TEXT), undefined, thrown)
}

/** Errors may quote what the peer sent, such as names in a certificate. */
const MAX_TEXT = 1_000
const MAX_CHAIN = 20

/** The error with its causes and parts, from the outside in. */
function chainOf(thrown: unknown): readonly unknown[] {
  const chain: unknown[] = []
  const next = [thrown]
  while (next.length > 0 && chain.length < MAX_CHAIN) {
    const one = next.shift()
    if (!(one instanceof Error)) continue
    chain.push(one)
    const parts = propertyOf(one, 'errors')
    if (Array.isArray(parts)) next.push(...parts)
    next.push(one.cause)
  }
  return chain
}

function apiCodeOf(error: unknown): number | undefined {
  const code = propertyOf(error, 'apiCode')
  return typeof code === 'number' ? code : undefined
}

function serverMessageOf(chain: readonly unknown[]): string | undefined {
  const text = chain.map((one) => propertyOf(one, 'serverErrorMessage')).find(Boolean)
  return typeof text === 'string' ? text : undefined
}

function propertyOf(target: unknown, key: string): unknown {
  return target instanceof Error ? Reflect.get(target, key) : undefined
}
