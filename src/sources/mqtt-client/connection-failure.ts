/** Why a connection failed, in words an operator can act on. */
import { ConnectorError, messageOf } from '../../errors.ts'

/** CONNACK and DISCONNECT codes with something to be done about: 3.1.1 (1–5) and 5 (128 and up). */
const HINTS: Readonly<Record<number, string>> = {
  1: 'it does not speak MQTT 3.1.1; try protocolVersion: 5',
  2: 'it does not accept clientId',
  4: 'check username and password',
  5: 'check username and password, and its access list',
  132: 'it does not speak MQTT 5; try protocolVersion: 4',
  133: 'it does not accept clientId',
  134: 'check username and password',
  135: 'check username and password, and its access list',
  142: 'another client has connected with the same clientId; each needs its own',
}

export function connectionFailure(url: string, cause: unknown): ConnectorError {
  if (cause instanceof ConnectorError) return cause
  if (cause === undefined) {
    return new ConnectorError('BrokerUnavailable', `the broker ${url} closed the connection`)
  }
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : 0
  const hint = typeof code === 'number' ? HINTS[code] : undefined
  return new ConnectorError(
    'BrokerUnavailable',
    `the connection to the broker ${url} failed: ${described(cause)}${hint === undefined ? '' : `; ${hint}`}`,
    { cause },
  )
}

/** Node puts the attempts on several addresses into one error that says nothing itself. */
function described(cause: unknown): string {
  if (cause instanceof AggregateError) {
    return [...new Set(cause.errors.map(messageOf))].join(', ')
  }
  return messageOf(cause)
}
