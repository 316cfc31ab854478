/** What works on stored messages on this machine: queries, the API, tables. */
import { resolve } from 'node:path'
import type { IotAnalyticsApi } from '../../analytics/api/iot-analytics-api.ts'
import type { Queries } from '../../analytics/query/queries.ts'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import type { OpenedStorage } from '../opened-storage.ts'
import type { PartContext } from '../parts.ts'
import { openApi, openResources } from './api.ts'
import { startPipelines } from './pipelines.ts'
import { startTables } from './tables.ts'

export interface RunningAnalytics {
  /** Undefined with durability `memory`: queries read what is on disk. */
  readonly queries: Queries | undefined
  /** Undefined if it is not configured. */
  readonly api: IotAnalyticsApi | undefined
  close(): Promise<void>
}

export async function startAnalytics(
  config: ConnectorConfig,
  storage: OpenedStorage,
  context: PartContext & { readonly connectorId: string },
): Promise<RunningAnalytics> {
  const queries = await openQueriesOf(config)
  const resources = await openResources(config, context)
  const pipelines = await startPipelines(config, storage, resources, context)
  const api = await openApi(
    config,
    {
      resources,
      channels: storage.channels,
      pipelineRunner: pipelines?.runner,
      datastoreData: pipelines?.datastoreData,
    },
    context,
  )
  const tables = await startTables(config, storage, context, resources)
  return {
    queries,
    api,
    close: async () => {
      const parts = [queries, api, pipelines, tables]
      await Promise.all(parts.map((part) => part?.close()))
    },
  }
}

async function openQueriesOf({ storage, analytics }: ConnectorConfig) {
  if (storage.durability !== 'disk') return undefined
  const { openQueries } = await import('../../analytics/query/queries.ts')
  return openQueries(resolve(storage.directory), analytics.query)
}
