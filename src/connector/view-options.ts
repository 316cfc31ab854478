/** What the configuration means for what the operator sees. */
import { hostname } from 'node:os'
import type { ConnectorConfig } from '../config/connector-config.ts'
import type { RunningViewOptions } from '../operator/running-view.ts'
import { VERSION } from '../version.ts'

type ConfiguredOptions = Pick<
  RunningViewOptions,
  'reports' | 'maxBacklogMessages' | 'destinationKinds' | 'directory' | 'instance' | 'version'
>

export function viewOptions(config: ConnectorConfig): ConfiguredOptions {
  const { parameters, storage, destinations, connectorId } = config
  return {
    reports: parameters.statusReports,
    maxBacklogMessages: parameters.queueSizePerChannel ?? Number.POSITIVE_INFINITY,
    destinationKinds: destinations.map(({ kind }) => kind),
    directory: storage.durability === 'disk' ? storage.directory : undefined,
    instance: connectorId ?? hostname(),
    version: VERSION,
  }
}
