/** Starts what makes contents of datasets, if the API is configured. */
import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import type { Datasets } from '../../analytics/datasets/datasets.ts'
import type { Datastores } from '../../analytics/datastores/datastores.ts'
import type { ResourceStore } from '../../analytics/resources/resource-store.ts'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import type { Source } from '../../sources/source.ts'
import type { OpenedStorage } from '../opened-storage.ts'
import type { PartContext } from '../parts.ts'
import { noRoom } from './tables.ts'

export interface RunningDatasets {
  readonly datasets: Datasets
  close(): Promise<void>
}

export interface DatasetParts {
  /** Undefined without the API, which defines datasets. */
  readonly resources: ResourceStore | undefined
  /** Undefined if nothing runs pipelines. */
  readonly datastores: Datastores | undefined
  /** Whose subscribers get notifications and rows. */
  readonly sources: readonly Source[]
}

/** Undefined if there can be no contents. */
export async function startDatasets(
  { analytics, storage: { directory: given } }: ConnectorConfig,
  storage: OpenedStorage,
  { resources, datastores, sources }: DatasetParts,
  context: PartContext,
): Promise<RunningDatasets | undefined> {
  const { api: owner, datasets: options, query } = analytics
  if (owner === undefined || resources === undefined || datastores === undefined) return undefined
  const { openQueries } = await import('../../analytics/query/queries.ts')
  const { Datasets } = await import('../../analytics/datasets/datasets.ts')
  const directory = resolve(given)
  // Contents take their time; they must not keep people waiting for an answer to their query.
  const queries = openQueries(directory, query)
  const datasets = new Datasets({
    ...context,
    directory,
    options,
    resources,
    queries,
    datastores,
    owner,
    outlet: { publish: (topic, payloads) => publishTo(sources, topic, payloads) },
    noRoom: () => noRoom(storage, directory),
    newId: randomUUID,
  })
  const close = async () => {
    await datasets.close()
    await queries.close()
  }
  try {
    await datasets.open()
    return { datasets, close }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

/** As receipts are sent: to everyone who subscribes now, with the QoS of the subscription. */
function publishTo(sources: readonly Source[], topic: string, payloads: readonly Buffer[]): void {
  const ends = new Uint32Array(payloads.length)
  let end = 0
  for (const [index, payload] of payloads.entries()) ends[index] = end += payload.length
  const packed = { count: payloads.length, bytes: Buffer.concat(payloads), ends }
  for (const { outlet } of sources) if (outlet.hasListeners(topic)) outlet.publish(topic, packed)
}
