/** What commands get from outside: the process they run in, and how a connector is made. */
import type { ConnectorConfig } from '../config/connector-config.ts'
import type { Connector } from '../connector/connector.ts'
import type { ConnectorOptions } from '../connector/connector-options.ts'

export interface CliContext {
  readonly process: NodeJS.Process
  /** Asynchronous, so that only `run` loads the connector. */
  readonly loadConnector: () => Promise<CreateConnector>
  /** Aborted when standard output is closed, as after `… | head`. */
  readonly outputClosed: AbortSignal
}

export type CreateConnector = (
  config: ConnectorConfig,
  options?: Pick<ConnectorOptions, 'nucleus' | 'settings' | 'logOutput' | 'traces'>,
) => RunnableConnector

/** What `run` needs of a connector. Tests bring a fake one. */
export type RunnableConnector = Pick<
  Connector,
  'check' | 'start' | 'stop' | 'reload' | 'describe' | 'commitPendingMs'
>
