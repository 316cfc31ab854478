/** Contents of datasets, as AWS's client gets them, once they are made or have failed. */
import {
  GetDatasetContentCommand,
  type GetDatasetContentCommandOutput,
  type IoTAnalyticsClient,
} from '@aws-sdk/client-iotanalytics'
import { until } from '../until.ts'

/** The worker process has a low priority, so it gets little of a busy machine. */
const PATIENCE_MS = 120_000

export async function endedContent(
  client: IoTAnalyticsClient,
  which: { readonly datasetName: string; readonly versionId: string | undefined },
): Promise<GetDatasetContentCommandOutput> {
  const get = () => client.send(new GetDatasetContentCommand(which))
  const hasEnded = async () => (await get()).status?.state !== 'CREATING'
  await until(`the content of ${which.datasetName} has ended`, hasEnded, PATIENCE_MS)
  return await get()
}
