/** What works on stored messages on this machine: queries, the API, tables. */
import { resolve } from 'node:path'
import type { IotAnalyticsApi } from '../../analytics/api/iot-analytics-api.ts'
import type { Datasets } from '../../analytics/datasets/datasets.ts'
import type { Queries } from '../../analytics/query/queries.ts'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import type { Source } from '../../sources/source.ts'
import type { OpenedStorage } from '../opened-storage.ts'
import type { PartContext } from '../parts.ts'
import { openApi, openResources } from './api.ts'
import { startDatasets } from './datasets.ts'
import { startPipelines } from './pipelines.ts'
import { openTableList, type TableLister } from './table-list.ts'
import { startTables } from './tables.ts'

export interface RunningAnalytics {
  /** Undefined with durability `memory`: queries read what is on disk. */
  readonly queries: Queries | undefined
  /** What they can ask for. */
  readonly tableList: TableLister | undefined
  /** Undefined if it is not configured. */
  readonly api: IotAnalyticsApi | undefined
  /** Undefined without the API. */
  readonly datasets: Datasets | undefined
  close(): Promise<void>
}

export async function startAnalytics(
  config: ConnectorConfig,
  storage: OpenedStorage & { readonly sources: readonly Source[] },
  context: PartContext & { readonly connectorId: string },
): Promise<RunningAnalytics> {
  const queries = await openQueriesOf(config)
  const resources = await openResources(config, context)
  const { channels, sources } = storage
  const pipelines = await startPipelines(config, storage, resources, context)
  const datastores = pipelines?.datastores
  const dataParts = { resources, datastores, sources }
  const datasets = await startDatasets(config, storage, dataParts, context)
  const runners = {
    pipelineRunner: pipelines?.runner,
    datastoreData: pipelines?.datastoreData,
    datasetRunner: datasets?.datasets,
  }
  const api = await openApi(config, { resources, channels, ...runners }, context)
  const tables = await startTables(config, storage, context, resources)
  return {
    queries,
    tableList: await openTableList(config, channels),
    api,
    datasets: datasets?.datasets,
    close: async () => {
      // Contents that are being made run pipelines.
      await datasets?.close()
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
