/** What an error of the server or of the network means: PostgreSQL's manual, Appendix A. */

import { connectionAdvice, connectionMessageOf } from '../../connection-errors/advice.ts'
import type { ConnectionPeer } from '../../connection-errors/peer.ts'
import { ConnectorError, type ErrorCode, messageOf, systemCodeOf } from '../../errors.ts'
import { cut } from '../../shown-text.ts'

const MAX_TEXT_CHARACTERS = 500

interface Meaning {
  readonly code: ErrorCode
  readonly advice?: string
}

/** By SQLSTATE, or by its class: the first two characters. All others are tried again. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  '22': { code: 'ContentRefused' },
  '23': { code: 'ContentRefused' },
  // Such as a value that is too long for a user's index.
  '54': { code: 'ContentRefused' },
  // Too many columns or arguments, or a query that is too complex, do not depend on a message.
  '54001': { code: 'DestinationUnavailable' },
  '54011': { code: 'DestinationUnavailable' },
  '54023': { code: 'DestinationUnavailable' },
  '28': { code: 'DestinationDenied', advice: 'check user, password and pg_hba.conf' },
  '28P01': { code: 'DestinationDenied', advice: 'correct user or password' },
  '42501': { code: 'DestinationDenied', advice: 'grant the permission' },
  '3D000': { code: 'DestinationMissing', advice: 'create the database, or correct its name' },
  '3F000': { code: 'DestinationMissing', advice: 'create the schema, or correct its name' },
  '42P01': {
    code: 'DestinationMissing',
    advice: 'create the table, or set create: true',
  },
  '42703': { code: 'DestinationMissing', advice: 'add the column; the connector never does' },
  '42804': { code: 'DestinationMissing', advice: 'give the column the type that is documented' },
  '42P10': {
    code: 'DestinationMissing',
    advice: 'give the position table its primary key (connector, channel, log_id)',
  },
  '25006': {
    code: 'DestinationUnavailable',
    advice: 'the server is a standby; messages wait until the primary can be reached',
  },
  '53100': {
    code: 'DestinationUnavailable',
    advice: 'the server’s disk is full; free space on it',
  },
  '53300': {
    code: 'DestinationUnavailable',
    advice: 'raise the server’s max_connections, or lower maxConnections',
  },
  '57014': {
    code: 'DestinationUnavailable',
    advice: 'raise timeout, or find what the statement waits for',
  },
}

/** @param doing what was tried, and where: `storing 100 messages … at db:5432/plant` */
export function failureOf(thrown: unknown, doing: string, peer: ConnectionPeer): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown
  const state = sqlStateOf(thrown)
  const options = { cause: thrown }
  if (state === undefined) {
    const said = connectionMessageOf(thrown) || (systemCodeOf(thrown) ?? messageOf(thrown))
    const text = `${doing}: ${cut(said, MAX_TEXT_CHARACTERS)}${networkAdvice(said)}`
    return new ConnectorError(
      'DestinationUnavailable',
      text + connectionAdvice(thrown, peer),
      options,
    )
  }
  const { code, advice } = meaningOf(state)
  const rest = advice === undefined ? '' : `; ${advice}`
  const text = `${doing}: ${cut(messageOf(thrown), MAX_TEXT_CHARACTERS)} (SQLSTATE ${state})${rest}`
  return new ConnectorError(code, text, options)
}

/** What an SQLSTATE means for the batch. */
export function meaningOf(state: string): Meaning {
  return MEANINGS[state] ?? MEANINGS[state.slice(0, 2)] ?? { code: 'DestinationUnavailable' }
}

/** The server's error code. The network's codes, such as ECONNREFUSED, look different. */
export function sqlStateOf(thrown: unknown): string | undefined {
  const code = systemCodeOf(thrown)
  const isFromServer = thrown instanceof Error && 'severity' in thrown
  return isFromServer && code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

function networkAdvice(said: string): string {
  if (said.includes('does not support SSL')) return '. Remove tls, or switch SSL on at the server'
  if (said.includes('client password must be a string')) return '. Set passwordFile'
  return ''
}
