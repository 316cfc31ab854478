/** Operations on channels, which are the connector's own. */
import type * as z from 'zod'
import { arnOf, type ResourceName } from '../../resources/arn.ts'
import { channelUpdate, newChannel } from '../../resources/channel-definition.ts'
import { expectNew, found } from './defined-resources.ts'
import { invalid } from './exceptions.ts'
import { bodyOf, flagText, nameOf, queryOf, timeText, wholeText } from './input.ts'
import { type KnownChannel, KnownChannels } from './known-channels.ts'
import type { ApiContext, Operation } from './operation.ts'
import { type PageQuery, pageOf, pageQuery } from './pages.ts'
import { ACTIVE, seconds, timesOf } from './wire-values.ts'

const describeQuery = { includeStatistics: flagText.default(false) }
const sampleQuery = {
  maxMessages: wholeText(1, 10).default(10),
  startTime: timeText.optional(),
  endTime: timeText.optional(),
}

const path = '/channels'
const itemPath = '/channels/:channelName'

export function channelOperations(context: ApiContext): readonly Operation[] {
  const channels = new ChannelOperations(context)
  return [
    {
      name: 'CreateChannel',
      method: 'POST',
      path,
      status: 201,
      run: (call) => channels.create(bodyOf(newChannel, call)),
    },
    {
      name: 'ListChannels',
      method: 'GET',
      path,
      status: 200,
      run: (call) => channels.list(queryOf(pageQuery, call)),
    },
    {
      name: 'DescribeChannel',
      method: 'GET',
      path: itemPath,
      status: 200,
      run: (call) => channels.describe(nameOf('channelName', call), queryOf(describeQuery, call)),
    },
    {
      name: 'UpdateChannel',
      method: 'PUT',
      path: itemPath,
      status: 200,
      run: (call) => channels.update(nameOf('channelName', call), bodyOf(channelUpdate, call)),
    },
    {
      name: 'DeleteChannel',
      method: 'DELETE',
      path: itemPath,
      status: 204,
      run: (call) => channels.remove(nameOf('channelName', call)),
    },
    {
      name: 'SampleChannelData',
      method: 'GET',
      path: `${itemPath}/sample`,
      status: 200,
      run: (call) => channels.sample(nameOf('channelName', call), queryOf(sampleQuery, call)),
    },
  ]
}

class ChannelOperations {
  readonly #context: ApiContext
  readonly #known: KnownChannels

  constructor(context: ApiContext) {
    this.#context = context
    this.#known = new KnownChannels(context.resources, context.channelData)
  }

  /** A channel that has messages and no definition gets one. */
  create({ channelName: name, tags, ...definition }: z.infer<typeof newChannel>): Promise<object> {
    const { resources, owner } = this.#context
    return resources.change(async () => {
      expectNew(this.#context, resourceOf(name))
      await resources.channels.put(name, { definition, tags })
      return {
        channelName: name,
        channelArn: arnOf(owner, resourceOf(name)),
        retentionPeriod: definition.retentionPeriod,
      }
    })
  }

  async list(query: PageQuery): Promise<object> {
    const names = await this.#known.names()
    const { items, nextToken } = pageOf('ListChannels', names, (name) => name, query)
    const channelSummaries: object[] = []
    // One after the other, because each may need the disk.
    for (const name of items) {
      const channel = await this.#known.find(name)
      if (channel !== undefined) channelSummaries.push(summaryOf(channel))
    }
    return { channelSummaries, nextToken }
  }

  async describe(name: string, query: { readonly includeStatistics: boolean }): Promise<object> {
    const { owner, now } = this.#context
    const channel = await this.#find(name)
    const { definition, facts } = channel
    const hasStatistics =
      query.includeStatistics && definition.channelStorage.customerManagedS3 === undefined
    const size = { estimatedSizeInBytes: facts?.bytes ?? 0, estimatedOn: seconds(now()) }
    return {
      channel: {
        name,
        storage: definition.channelStorage,
        arn: arnOf(owner, resourceOf(name)),
        retentionPeriod: definition.retentionPeriod,
        ...stateOf(channel),
      },
      ...(hasStatistics ? { statistics: { size } } : {}),
    }
  }

  /** Members that are not given stay as they are. */
  update(name: string, change: z.infer<typeof channelUpdate>): Promise<undefined> {
    const { resources } = this.#context
    return resources.change(async () => {
      const { definition, createdAt } = await this.#find(name)
      const { channelStorage = definition.channelStorage, retentionPeriod } = change
      const isAtCustomer = definition.channelStorage.customerManagedS3 !== undefined
      if ((channelStorage.customerManagedS3 !== undefined) !== isAtCustomer) {
        const kind = isAtCustomer ? 'customerManagedS3' : 'serviceManagedS3'
        throw invalid(`channelStorage: expected ${kind}, because the kind of storage can't change`)
      }
      if (isAtCustomer && retentionPeriod !== undefined) {
        throw invalid(
          'retentionPeriod: expected nothing, because the channel is in S3 storage that the customer manages',
        )
      }
      const kept = {
        channelStorage,
        retentionPeriod: retentionPeriod ?? definition.retentionPeriod,
      }
      await resources.channels.put(name, { createdAt, definition: kept })
      return undefined
    })
  }

  /** Messages stay where they are: they may wait for destinations. They are hidden from now on. */
  remove(name: string): Promise<undefined> {
    const { resources, now } = this.#context
    return resources.change(async () => {
      const { facts } = await this.#find(name)
      if (facts !== undefined) {
        await resources.deletedChannels.put(name, { createdAt: now(), definition: {} })
      }
      await resources.channels.remove(name)
      return undefined
    })
  }

  async sample(
    name: string,
    query: { maxMessages: number; startTime?: number | undefined; endTime?: number | undefined },
  ): Promise<object> {
    const { channelData } = this.#context
    const { visibleFrom } = await this.#find(name)
    const { maxMessages, startTime = 0, endTime = Number.POSITIVE_INFINITY } = query
    if (startTime >= endTime) throw invalid('startTime: expected a time before endTime')
    const payloads = await channelData.sample(name, {
      from: Math.max(startTime, visibleFrom),
      until: endTime,
      maxMessages,
    })
    return { payloads: payloads.map((payload) => payload.toString('base64')) }
  }

  async #find(name: string): Promise<KnownChannel> {
    return found(resourceOf(name), await this.#known.find(name))
  }
}

function summaryOf(channel: KnownChannel): object {
  const { name, definition } = channel
  return { channelName: name, channelStorage: definition.channelStorage, ...stateOf(channel) }
}

function stateOf({ createdAt, updatedAt, facts }: KnownChannel): object {
  return {
    status: ACTIVE,
    ...timesOf({ createdAt, updatedAt }),
    lastMessageArrivalTime: seconds(facts?.lastArrival),
  }
}

function resourceOf(name: string): ResourceName {
  return { kind: 'channel', name }
}
