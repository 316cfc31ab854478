/** Opens the API of AWS IoT Analytics, if the configuration asks for it. */
import type { PipelineRunner } from '../../analytics/api/contracts/pipeline-runner.ts'
import type { IotAnalyticsApi } from '../../analytics/api/iot-analytics-api.ts'
import type { ChannelSet } from '../../channels/channel-set.ts'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import type { PartContext } from '../parts.ts'
import { StoredChannelData } from './stored-channel-data.ts'

/** In reports: what the API has defined. */
const RESOURCES = '__resources'

/** Undefined if it is not configured. */
export async function openApi(
  { analytics, storage }: ConnectorConfig,
  channels: ChannelSet,
  {
    observer,
    clock,
    pipelineRunner,
  }: PartContext & { readonly pipelineRunner: PipelineRunner | undefined },
): Promise<IotAnalyticsApi | undefined> {
  const { api: options } = analytics
  if (options === undefined) return undefined
  const { IotAnalyticsApi } = await import('../../analytics/api/iot-analytics-api.ts')
  const { ResourceStore } = await import('../../analytics/resources/resource-store.ts')
  const resources = new ResourceStore({
    directory: storage.directory,
    now: () => clock.now(),
    onDamage: (what) => observer.damageFound(RESOURCES, what),
  })
  await resources.open()
  const channelData = new StoredChannelData(channels)
  const api = new IotAnalyticsApi({
    options,
    resources,
    channelData,
    pipelineRunner,
    observer,
    clock,
  })
  await api.start()
  return api
}
