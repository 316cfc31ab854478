/** What JetStream's errors mean: errors.json of the server's source. */

import { connectionAdvice, connectionMessageOf } from '../../connection-errors/advice.ts'
import type { ConnectionPeer } from '../../connection-errors/peer.ts'
import { ConnectorError, type ErrorCode, messageOf, systemCodeOf } from '../../errors.ts'
import { cut } from '../../shown-text.ts'

const MAX_TEXT_CHARACTERS = 500

/** As JetStream answers. */
export interface ApiError {
  readonly code?: number
  readonly err_code?: number
  readonly description?: string
}

export interface Meaning {
  readonly code: ErrorCode
  readonly message: string
}

const MISSING = 'create the stream with this subject, or set create: true'
const TOO_LARGE = 10_054
const NO_MESSAGE = 10_037

const MEANINGS: Readonly<Record<number, { readonly code: ErrorCode; readonly advice?: string }>> = {
  [TOO_LARGE]: { code: 'ContentRefused', advice: 'raise max_msg_size of the stream' },
  10059: { code: 'DestinationMissing', advice: MISSING },
  10039: { code: 'DestinationMissing', advice: 'enable JetStream for the account' },
  10076: { code: 'DestinationMissing', advice: 'enable JetStream at the server' },
  10077: { code: 'DestinationUnavailable', advice: 'raise the limits of the stream, or free room' },
  10047: { code: 'DestinationUnavailable', advice: 'free disk space at the server' },
  10023: { code: 'DestinationUnavailable', advice: 'free disk space at the server' },
}

export function meaningOf({ err_code = 0, description = 'unknown error' }: ApiError): Meaning {
  const { code, advice } = MEANINGS[err_code] ?? { code: 'DestinationUnavailable' }
  const rest = advice === undefined ? '' : `; ${advice}`
  return { code, message: `${cut(description, MAX_TEXT_CHARACTERS)} (${err_code})${rest}` }
}

/** Nobody listens to the subject. */
export const NO_STREAM: Meaning = {
  code: 'DestinationMissing',
  message: `no stream has this subject (503), or JetStream is not enabled; ${MISSING}`,
}

export function isNotFound({ err_code }: ApiError): boolean {
  return err_code === NO_MESSAGE
}

export interface NatsPeer extends ConnectionPeer {
  /** The setting that logs in, for people. */
  readonly login: string
}

/** @param doing what was tried, and where */
export function failureOf(thrown: unknown, doing: string, peer: NatsPeer): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown
  const name = thrown instanceof Error ? thrown.name : ''
  const options = { cause: thrown }
  if (name === 'NoRespondersError' || isNoResponder(thrown)) {
    return new ConnectorError(NO_STREAM.code, `${doing}: ${NO_STREAM.message}`, options)
  }
  const said = cut(
    connectionMessageOf(thrown) || (systemCodeOf(thrown) ?? messageOf(thrown)),
    MAX_TEXT_CHARACTERS,
  )
  const advice = DENIED[name]?.(peer)
  if (advice !== undefined) {
    return new ConnectorError('DestinationDenied', `${doing}: ${said}; ${advice}`, options)
  }
  const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown
  const more = cause === thrown ? '' : ` (${cut(connectionMessageOf(cause), MAX_TEXT_CHARACTERS)})`
  const text = `${doing}: ${said}${more}${connectionAdvice(cause, peer)}`
  return new ConnectorError('DestinationUnavailable', text, options)
}

/** By the names of the client's errors. */
const DENIED: Readonly<Record<string, (peer: NatsPeer) => string>> = {
  AuthorizationError: ({ login }) => `the credentials are wrong; check ${login}`,
  UserAuthenticationExpiredError: ({ login }) => `the credentials have expired; renew ${login}`,
  PermissionViolationError: () => 'give the user this permission',
}

function isNoResponder(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.message.startsWith('no responders')
}
