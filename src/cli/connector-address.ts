/** The addresses of the connector that runs with a configuration, as seen from this machine. */
import { hostForUrl } from '../addresses.ts'
import type { ConnectorConfig } from '../config/connector-config.ts'
import { usageError } from './exit-code.ts'

/** The MQTT server, or the broker that the connector subscribes to. */
export function mqttUrlOf(config: ConnectorConfig): string {
  const { mqttServer, mqttClient } = config.sources
  if (mqttServer !== undefined) return `mqtt://${authority(mqttServer)}`
  if (mqttClient !== undefined) return mqttClient.url
  throw usageError('the configuration has no MQTT source; set the address of a broker with --url')
}

/** Throws a usage error if the connector has no HTTP server. */
export function httpUrlOf(config: ConnectorConfig): string {
  const { http } = config
  if (http !== undefined) return `${http.tls === undefined ? 'http' : 'https'}://${authority(http)}`
  throw usageError('the configuration has `http: false`; set the connector’s address with --url')
}

/** A server that listens on every address is also on loopback. */
function authority({ host, port }: { readonly host: string; readonly port: number }): string {
  const reachable = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `${hostForUrl(reachable)}:${port}`
}
