/** The addresses of the connector that runs with a configuration, as seen from this machine. */
import { connect } from 'node:net'
import { hostForUrl, shownUrl } from '../addresses.ts'
import type { ConnectorConfig } from '../config/connector-config.ts'
import { systemCodeOf } from '../errors.ts'
import { isSocketPath, operatorSocketPath } from '../http/access/operator-socket.ts'
import type { ConnectorFlags } from './connector-flags.ts'
import type { CliContext } from './context.ts'
import { usageError } from './exit-code.ts'

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

/** Why nobody can be asked through the socket; undefined if a connector listens there. */
export async function socketProblem(path: string): Promise<string | undefined> {
  if (!isSocketPath(path)) return 'the path is too long for a socket'
  return await new Promise((resolve) => {
    const connection = connect(path)
    connection.once('connect', () => {
      connection.destroy()
      resolve(undefined)
    })
    connection.once('error', (error) => {
      const code = systemCodeOf(error) ?? error.message
      resolve(SOCKET_PROBLEMS[code] ?? code)
    })
  })
}

const SOCKET_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ECONNREFUSED: 'no connector listens there',
  EACCES: 'it belongs to another user; run the command as the user that runs the connector',
}

/** A server that listens on every address is also on loopback. */
function authority({ host, port }: { readonly host: string; readonly port: number }): string {
  const reachable = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `${hostForUrl(reachable)}:${port}`
}
