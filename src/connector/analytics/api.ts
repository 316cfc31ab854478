/** Opens the API of AWS IoT Analytics, if the configuration asks for it. */
import type { DatasetRunner } from '../../analytics/api/contracts/dataset-runner.ts'
import type { DatastoreData } from '../../analytics/api/contracts/datastore-data.ts'
import type { PipelineRunner } from '../../analytics/api/contracts/pipeline-runner.ts'
import type { IotAnalyticsApi } from '../../analytics/api/iot-analytics-api.ts'
import type { ResourceStore } from '../../analytics/resources/resource-store.ts'
import type { ChannelSet } from '../../channels/channel-set.ts'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import type { PartContext } from '../parts.ts'
import { StoredChannelData } from './stored-channel-data.ts'

/** In reports: what the API has defined. */
const RESOURCES = '__resources'

/** Undefined if the API is not configured. */
export async function openResources(
  { analytics, storage }: ConnectorConfig,
  { observer, clock }: PartContext,
): Promise<ResourceStore | undefined> {
  if (analytics.api === undefined) return undefined
  const { ResourceStore } = await import('../../analytics/resources/resource-store.ts')
  const resources = new ResourceStore({
    directory: storage.directory,
    now: () => clock.now(),
    onDamage: (what) => observer.damageFound(RESOURCES, what),
  })
  await resources.open()
  return resources
}

/** What the API performs its operations with. */
export interface ApiParts {
  readonly resources: ResourceStore | undefined
  readonly channels: ChannelSet
  readonly datasetRunner: DatasetRunner | undefined
  readonly pipelineRunner: PipelineRunner | undefined
  readonly datastoreData: DatastoreData | undefined
}

/** Undefined if it is not configured. */
export async function openApi(
  { analytics: { api: options } }: ConnectorConfig,
  { resources, channels, ...runners }: ApiParts,
  { observer, clock }: PartContext,
): Promise<IotAnalyticsApi | undefined> {
  if (options === undefined || resources === undefined) return undefined
  const { IotAnalyticsApi } = await import('../../analytics/api/iot-analytics-api.ts')
  const channelData = new StoredChannelData(channels)
  const api = new IotAnalyticsApi({ options, resources, channelData, ...runners, observer, clock })
  await api.start()
  return api
}
