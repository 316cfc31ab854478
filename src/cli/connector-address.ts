/** The addresses of a connector, as seen from this machine, and why it can't be reached there. */
import { connect } from 'node:net'
import { hostForUrl, shownUrl } from '../addresses.ts'
import type { ConnectorConfig } from '../config/connector-config.ts'
import { connectionAdvice, connectionMessageOf } from '../connection-errors/advice.ts'
import type { ConnectionPeer } from '../connection-errors/peer.ts'
import { messageOf, systemCodeOf } from '../errors.ts'
import { isSocketPath, operatorSocketPath } from '../http/access/operator-socket.ts'
import type { ConnectorFlags } from './connector-flags.ts'
import type { CliContext } from './context.ts'
import { usageError } from './exit-code.ts'
import { SilenceError } from './http-request.ts'

/** Another connector than the configuration's, as `--url` names one. */
const URL_VARIABLE = 'IOT_ANALYTICS_CONNECTOR_URL'
/** Before the path of a socket. */
export const SOCKET_SCHEME = 'unix:'

/** The MQTT server, or the broker that the connector subscribes to. */
export function mqttUrlOf(config: ConnectorConfig): string {
  const { mqttServer, mqttClient } = config.sources
  if (mqttServer !== undefined) return `mqtt://${authority(mqttServer)}`
  if (mqttClient !== undefined) return mqttClient.url
  throw usageError('the configuration has no MQTT source; set the address of a broker with --url')
}

/** Undefined if the connector has no HTTP port. */
export function httpUrlOf({ http }: ConnectorConfig): string | undefined {
  if (http === undefined) return undefined
  return `${http.tls === undefined ? 'http' : 'https'}://${authority(http)}`
}

/** What `--url` or the environment says; undefined if neither does. */
export function givenUrl(
  { url }: ConnectorFlags,
  { process: { env } }: CliContext,
): string | undefined {
  const given = url ?? (env[URL_VARIABLE] || undefined)
  if (given === undefined || given.startsWith(`${SOCKET_SCHEME}/`)) return given
  if (/^https?:\/\//.test(given) && URL.canParse(given)) return given
  const place = url === undefined ? URL_VARIABLE : '--url'
  throw usageError(
    `${place} ${shownUrl(given)}: expected a URL such as http://host:8090, or ${SOCKET_SCHEME} and the path of a socket`,
  )
}

/** The operator's socket; undefined if the connector has none. */
export function socketPathOf({ storage }: ConnectorConfig): string | undefined {
  return storage.durability === 'disk' ? operatorSocketPath(storage.directory) : undefined
}

/** Why nobody can be asked through the socket, as a clause; undefined if a connector listens there. */
export async function socketProblem(path: string): Promise<string | undefined> {
  if (!isSocketPath(path)) return `${path} is too long a path for a socket`
  return await new Promise((resolve) => {
    const connection = connect(path)
    connection.once('connect', () => {
      connection.destroy()
      resolve(undefined)
    })
    connection.once('error', (error) => {
      const code = systemCodeOf(error) ?? error.message
      resolve(SOCKET_PROBLEMS[code]?.(path) ?? `${path} can’t be used (${code})`)
    })
  })
}

const SOCKET_PROBLEMS: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) => `${path} does not exist`,
  ECONNREFUSED: (path) => `no connector listens at ${path}`,
  EACCES: (path) =>
    `${path} belongs to another user (run the command as the user that runs the connector)`,
}

/** A server that listens on every address is also on loopback. */
function authority({ host, port }: { readonly host: string; readonly port: number }): string {
  const reachable = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `${hostForUrl(reachable)}:${port}`
}

export const START =
  'Start it with `iot-analytics-connector run`, or set the address of another one with --config or --url'

const HANGS =
  'It hangs, or its machine is overloaded: see its log, and whether its disk answers (dmesg)'
const CONNECTOR: ConnectionPeer = {
  name: 'connector',
  ca: '--ca',
  certAndKey: '--cert and --key',
  servername: '--url',
}
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (ECONNREFUSED)',
  ENOTFOUND: 'no name server knows this name (ENOTFOUND)',
  EHOSTUNREACH: 'no network leads there (EHOSTUNREACH)',
  ENETUNREACH: 'no network leads there (ENETUNREACH)',
  ENOENT: 'there is no such socket (ENOENT)',
  EACCES: 'the socket belongs to another user (EACCES)',
}

/** Two sentences, without the full stop of the last one. */
export function failureText(thrown: unknown, isTls: boolean): string {
  if (thrown instanceof SilenceError) return `${thrown.message}. ${HANGS}`
  const code = systemCodeOf(thrown)
  const advice = `${connectionAdvice(thrown, CONNECTOR)}${schemeAdvice(code, isTls)}`
  if (advice !== '') return `${connectionMessageOf(thrown) || code}${advice}`
  const reason = code === undefined ? messageOf(thrown) : (REASONS[code] ?? code)
  return `${reason}. ${START}`
}

/** Plain HTTP and HTTPS at the wrong port, and a client certificate that TLS 1.3 asks for late. */
function schemeAdvice(code: string | undefined, isTls: boolean): string {
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return '. It does not speak HTTPS: set --url to http://…'
  }
  if (code !== 'ECONNRESET' && code !== 'EPIPE') return ''
  return isTls
    ? '. It may ask for a client certificate: set --cert and --key'
    : '. If it speaks HTTPS, set --url to https://…'
}
