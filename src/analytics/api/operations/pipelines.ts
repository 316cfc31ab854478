/** Operations on pipelines, and on what runs them. */
import type * as z from 'zod'
import { arnOf, type ResourceName } from '../../resources/arn.ts'
import {
  newPipeline,
  type PipelineDefinition,
  pipelineDefinition,
} from '../../resources/pipeline-definition.ts'
import type { Resource } from '../../resources/resource-file.ts'
import { expectNew, found } from './defined-resources.ts'
import { invalid } from './exceptions.ts'
import { bodyOf, nameOf, queryOf } from './input.ts'
import { KnownChannels } from './known-channels.ts'
import type { ApiContext, Operation } from './operation.ts'
import { type PageQuery, pageOf, pageQuery } from './pages.ts'
import { seconds, timesOf } from './wire-values.ts'

const path = '/pipelines'
const itemPath = '/pipelines/:pipelineName'

export function pipelineOperations(context: ApiContext): readonly Operation[] {
  const pipelines = new PipelineOperations(context)
  return [
    {
      name: 'CreatePipeline',
      method: 'POST',
      path,
      status: 201,
      run: (call) => pipelines.create(bodyOf(newPipeline, call)),
    },
    {
      name: 'ListPipelines',
      method: 'GET',
      path,
      status: 200,
      run: async (call) => pipelines.list(queryOf(pageQuery, call)),
    },
    {
      name: 'DescribePipeline',
      method: 'GET',
      path: itemPath,
      status: 200,
      run: async (call) => pipelines.describe(nameOf('pipelineName', call)),
    },
    {
      name: 'UpdatePipeline',
      method: 'PUT',
      path: itemPath,
      status: 200,
      run: (call) =>
        pipelines.update(nameOf('pipelineName', call), bodyOf(pipelineDefinition, call)),
    },
    {
      name: 'DeletePipeline',
      method: 'DELETE',
      path: itemPath,
      status: 204,
      run: (call) => pipelines.remove(nameOf('pipelineName', call)),
    },
  ]
}

class PipelineOperations {
  readonly #context: ApiContext
  readonly #channels: KnownChannels

  constructor(context: ApiContext) {
    this.#context = context
    this.#channels = new KnownChannels(context.resources, context.channelData)
  }

  create({
    pipelineName: name,
    tags,
    ...definition
  }: z.infer<typeof newPipeline>): Promise<object> {
    const { resources, owner } = this.#context
    return resources.change(async () => {
      expectNew(this.#context, resourceOf(name))
      await this.#check(name, definition)
      await resources.pipelines.put(name, { definition, tags })
      return { pipelineName: name, pipelineArn: arnOf(owner, resourceOf(name)) }
    })
  }

  list(query: PageQuery): object {
    const all = this.#context.resources.pipelines.list()
    const { items, nextToken } = pageOf('ListPipelines', all, ({ name }) => name, query)
    const pipelineSummaries = items.map((pipeline) => ({
      pipelineName: pipeline.name,
      ...this.#stateOf(pipeline),
    }))
    return { pipelineSummaries, nextToken }
  }

  describe(name: string): object {
    const pipeline = this.#find(name)
    const { pipelineActivities: activities } = pipeline.definition
    const arn = arnOf(this.#context.owner, resourceOf(name))
    return { pipeline: { name, arn, activities, ...this.#stateOf(pipeline) } }
  }

  update(name: string, definition: PipelineDefinition): Promise<undefined> {
    const { resources } = this.#context
    return resources.change(async () => {
      this.#find(name)
      await this.#check(name, definition)
      await resources.pipelines.put(name, { definition })
      return undefined
    })
  }

  remove(name: string): Promise<undefined> {
    const { resources } = this.#context
    return resources.change(async () => {
      this.#find(name)
      await resources.pipelines.remove(name)
      await this.#context.pipelineRunner?.removed(name)
      return undefined
    })
  }

  async #check(name: string, definition: PipelineDefinition): Promise<void> {
    this.#context.pipelineRunner?.check(name, definition)
    await this.#checkEnds(definition)
  }

  /** Its channel and its datastore must be there. @throws {ServiceException} */
  async #checkEnds({ pipelineActivities }: PipelineDefinition): Promise<void> {
    for (const [index, { channel, datastore }] of pipelineActivities.entries()) {
      const place = `pipelineActivities[${index}]`
      if (channel !== undefined && (await this.#channels.find(channel.channelName)) === undefined) {
        const text = `expected a channel that exists, got ${channel.channelName}. Create it first`
        throw invalid(`${place}.channel.channelName: ${text}`)
      }
      if (datastore === undefined) continue
      const { datastoreName } = datastore
      if (this.#context.resources.datastores.get(datastoreName) !== undefined) continue
      const text = `expected a datastore that exists, got ${datastoreName}. Create it first`
      throw invalid(`${place}.datastore.datastoreName: ${text}`)
    }
  }

  #stateOf(pipeline: Resource<PipelineDefinition>): object {
    const runs = this.#context.pipelineRunner?.reprocessings(pipeline.name) ?? []
    const reprocessingSummaries = runs.map(({ id, status, createdAt }) => ({
      id,
      status,
      creationTime: seconds(createdAt),
    }))
    return { reprocessingSummaries, ...timesOf(pipeline) }
  }

  #find(name: string): Resource<PipelineDefinition> {
    return found(resourceOf(name), this.#context.resources.pipelines.get(name))
  }
}

function resourceOf(name: string): ResourceName {
  return { kind: 'pipeline', name }
}
