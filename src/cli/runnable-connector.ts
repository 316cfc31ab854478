/** What `run` needs of a connector. Tests bring one of their own. */
import type { ConnectorConfig } from '../config/connector-config.ts'
import type { Connector } from '../connector/connector.ts'

export type RunnableConnector = Pick<Connector, 'start' | 'stop' | 'reload' | 'describe'>

export type CreateConnector = (config: ConnectorConfig) => RunnableConnector
