/** Reason codes of MQTT: what a broker's codes mean, and the codes for our refusals. */

import { shownUrl, withoutSecretsOf } from '../../addresses.ts'
import { connectionAdvice } from '../../connection-errors/advice.ts'
import { peerAt } from '../../connection-errors/peer.ts'
import { ConnectorError, messageOf } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import { shown } from '../../shown-text.ts'
import { MAX_WEB_SOCKET_BYTES } from './packet-meter.ts'

/** Of an error that may quote what the broker sent. */
const MAX_TEXT_CHARACTERS = 500

/** What to do about CONNACK and DISCONNECT codes of MQTT 3.1.1 (1–5) and MQTT 5 (from 128 on). */
const HINTS: Readonly<Record<number | string, string>> = {
  1: 'it does not speak MQTT 3.1.1; try protocolVersion: 5',
  2: 'it does not accept clientId',
  4: 'check username and password',
  5: 'check username and password, and its access list',
  132: 'it does not speak MQTT 5; try protocolVersion: 4',
  133: 'it does not accept clientId',
  134: 'check username and password',
  135: 'check username and password, and its access list',
  142: 'another client has connected with the same clientId; each needs its own',
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: `it sent a WebSocket message of more than ${MAX_WEB_SOCKET_BYTES} bytes`,
}

const BROKER = peerAt('broker', 'sources.mqttClient.tls')

/** Why a connection failed, in words an operator can act on. */
export function connectionFailure(url: string, cause: unknown): ConnectorError {
  if (cause instanceof ConnectorError) return cause
  if (cause === undefined) {
    return new ConnectorError(
      'BrokerUnavailable',
      `the broker ${shownUrl(url)} closed the connection`,
    )
  }
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : 0
  const hint = typeof code === 'number' || typeof code === 'string' ? HINTS[code] : undefined
  const said = shown(withoutSecretsOf(url, described(cause)), MAX_TEXT_CHARACTERS)
  return new ConnectorError(
    'BrokerUnavailable',
    `the connection to the broker ${shownUrl(url)} failed: ${said}${hint === undefined ? '' : `; ${hint}`}${connectionAdvice(cause, BROKER)}`,
    { cause },
  )
}

/** If Node tried several addresses, only the errors inside the AggregateError have messages. */
function described(cause: unknown): string {
  if (cause instanceof AggregateError) {
    return [...new Set(cause.errors.map(messageOf))].join(', ')
  }
  return messageOf(cause)
}

const IMPLEMENTATION_SPECIFIC_ERROR = 0x83
/** Keyed by the error of a refusal. */
const REFUSAL_CODES: Readonly<Record<string, number>> = {
  NotAuthorized: 0x87,
  InvalidChannelName: 0x90,
  InvalidTopic: 0x90,
  QueueFull: 0x97,
  MemoryFull: 0x97,
  ActiveChannelLimit: 0x97,
  InvalidMessage: 0x99,
}

/** The code closest to a refusal, of those a PUBACK may carry (MQTT 5.0, section 3.4.2.1). */
export function reasonCodeOf(refusal: Refusal): number {
  return REFUSAL_CODES[refusal.error] ?? IMPLEMENTATION_SPECIFIC_ERROR
}
