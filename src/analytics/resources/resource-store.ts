/**
 * What the API has defined, below the data directory:
 *
 *     resources/channels/press_1.json        definitions of channels, …
 *     resources/deleted-channels/press_1.json  when a channel was deleted that has messages
 *     resources/logging/options.json
 */
import { join } from 'node:path'
import * as z from 'zod'
import type { FileLayer } from '../../channels/disk/files/file-layer.ts'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import { SerialQueue } from '../../serial-queue.ts'
import { channelDefinition } from './channel-definition.ts'
import { datasetDefinition } from './dataset-definition.ts'
import { datastoreDefinition } from './datastore-definition.ts'
import { loggingOptions } from './logging-options.ts'
import { pipelineDefinition } from './pipeline-definition.ts'
import { ResourceCollection } from './resource-collection.ts'

export interface ResourceStoreOptions {
  /** The data directory. */
  readonly directory: string
  readonly now: () => number
  /** Called with a sentence for each file that can't be used. */
  readonly onDamage: (what: string) => void
  /** For tests: another file system. */
  readonly files?: FileLayer
}

const LOGGING = 'options'

export class ResourceStore {
  readonly channels
  readonly pipelines
  readonly datastores
  readonly datasets
  /** `createdAt` is when the channel was deleted. */
  readonly deletedChannels
  readonly #logging
  readonly #changes = new SerialQueue()

  constructor(options: ResourceStoreOptions) {
    const { directory, files = nodeFileLayer } = options
    const collection = <Schema extends z.ZodType>(folder: string, schema: Schema) =>
      new ResourceCollection({
        ...options,
        files,
        schema,
        directory: join(directory, 'resources', folder),
      })
    this.channels = collection('channels', channelDefinition)
    this.pipelines = collection('pipelines', pipelineDefinition)
    this.datastores = collection('datastores', datastoreDefinition)
    this.datasets = collection('datasets', datasetDefinition)
    this.deletedChannels = collection('deleted-channels', z.strictObject({}))
    this.#logging = collection('logging', loggingOptions)
  }

  /** The data directory is locked. @throws {ConnectorError} StorageFailed */
  async open(): Promise<void> {
    await this.channels.open()
    await this.pipelines.open()
    await this.datastores.open()
    await this.datasets.open()
    await this.deletedChannels.open()
    await this.#logging.open()
  }

  /** Runs one change at a time, so that what it has checked is still true when it writes. */
  change<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.#changes.run(task)
  }

  get loggingOptions(): z.infer<typeof loggingOptions> | undefined {
    return this.#logging.get(LOGGING)?.definition
  }

  async putLoggingOptions(definition: z.infer<typeof loggingOptions>): Promise<void> {
    await this.#logging.put(LOGGING, { definition })
  }
}
