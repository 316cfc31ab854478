/**
 * iot-analytics-connector as a library.
 *
 *     const connector = createConnector({ storage: { directory: './data' } })
 *     await connector.start()
 *     await connector.publish('my_channel', '{"temp":23.33}', { id: 'req123' })
 *     await connector.stop()
 */
import { parseConfig } from './config/parse-config.ts'
import type { ConfigInput } from './config/schema/schema.ts'
import { Connector } from './connector/connector.ts'
import type { ConnectorOptions } from './connector/connector-options.ts'

/**
 * A connector that is not started yet.
 * @param config what a configuration file holds; `docs/configuration.md` describes it.
 * @throws {ConnectorError} `InvalidConfiguration`, naming everything that is wrong.
 */
export function createConnector(config: ConfigInput = {}, options?: ConnectorOptions): Connector {
  return new Connector(parseConfig(config), options)
}

export type { ChannelLedger, ReaderLedger } from './channels/ledger/ledger.ts'
export type { Clock, Timer } from './clock.ts'
export type { ConnectorConfig } from './config/connector-config.ts'
export type { ConfigInput } from './config/schema/schema.ts'
export type { StartCheck } from './connector/checks/start-check.ts'
export type { Connector } from './connector/connector.ts'
export type { ConnectorEvents, Receipt } from './connector/connector-events.ts'
export type { ConnectorDescription, ConnectorOptions } from './connector/connector-options.ts'
export type { StopReport } from './connector/draining.ts'
export { ConnectorError, type ErrorCode, type ErrorEffect } from './errors.ts'
export type { LogOutput } from './telemetry/log/logger.ts'
