/** Where the connector that runs with a configuration is to be reached from this machine. */
import type { ConnectorConfig } from '../config/connector-config.ts'
import { usageError } from './exit-code.ts'

/** The front door, or the broker that the connector subscribes at. */
export function mqttUrlOf(config: ConnectorConfig): string {
  const { mqttServer, mqttClient } = config.sources
  if (mqttServer !== undefined) return `mqtt://${authority(mqttServer)}`
  if (mqttClient !== undefined) return mqttClient.url
  throw usageError('the configuration has no MQTT source; name a broker with --url')
}

/** Throws when the connector answers no HTTP. */
export function httpUrlOf(config: ConnectorConfig): string {
  if (config.http !== undefined) return `http://${authority(config.http)}`
  throw usageError('the configuration has `http: false`; name the connector’s address with --url')
}

/** A server that listens on every address is reached over loopback. */
function authority({ host, port }: { readonly host: string; readonly port: number }): string {
  const reachable = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}
