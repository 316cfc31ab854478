/**
 * The channels as the API shows them: those that are defined, and those that have got messages
 * without a definition. A channel that was deleted is hidden until another message arrives, and its
 * earlier messages stay hidden.
 */
import { type ChannelDefinition, channelDefinition } from '../../resources/channel-definition.ts'
import type { ResourceStore } from '../../resources/resource-store.ts'
import type { Tag } from '../../resources/tags.ts'
import type { ChannelData, ChannelFacts } from '../contracts/channel-data.ts'

export interface KnownChannel {
  readonly name: string
  readonly definition: ChannelDefinition
  readonly tags: readonly Tag[]
  readonly createdAt: number | undefined
  readonly updatedAt: number | undefined
  /** Undefined if it never had a message. */
  readonly facts: ChannelFacts | undefined
  /** Messages before are hidden. */
  readonly visibleFrom: number
}

/** A channel that nobody has defined. */
export const PLAIN_CHANNEL: ChannelDefinition = channelDefinition.parse({})

export class KnownChannels {
  readonly #resources: ResourceStore
  readonly #data: ChannelData

  constructor(resources: ResourceStore, data: ChannelData) {
    this.#resources = resources
    this.#data = data
  }

  /** Undefined if there is no such channel, or it is hidden. */
  async find(name: string): Promise<KnownChannel | undefined> {
    const defined = this.#resources.channels.get(name)
    const deletedAt = this.#resources.deletedChannels.get(name)?.createdAt
    const visibleFrom = deletedAt === undefined ? 0 : deletedAt + 1
    const found = await this.#data.facts(name)
    const facts = found && visibleFacts(found, visibleFrom)
    if (defined === undefined && facts === undefined) return undefined
    return { ...(defined ?? undefinedChannel(name, facts)), facts, visibleFrom }
  }

  /** By name. Without those that are hidden. */
  async names(): Promise<string[]> {
    const { channels, deletedChannels } = this.#resources
    const names = new Set(channels.list().map(({ name }) => name))
    for (const name of this.#data.names()) {
      if (deletedChannels.get(name) === undefined || (await this.find(name)) !== undefined) {
        names.add(name)
      }
    }
    return [...names].sort()
  }
}

/** Undefined if there were no messages since. */
function visibleFacts(facts: ChannelFacts, visibleFrom: number): ChannelFacts | undefined {
  const { firstArrival, lastArrival } = facts
  if (visibleFrom === 0) return facts
  if (lastArrival === undefined || lastArrival < visibleFrom) return undefined
  return { ...facts, firstArrival: Math.max(firstArrival ?? 0, visibleFrom) }
}

function undefinedChannel(
  name: string,
  facts: ChannelFacts | undefined,
): Omit<KnownChannel, 'facts' | 'visibleFrom'> {
  const firstArrival = facts?.firstArrival
  const times = { createdAt: firstArrival, updatedAt: firstArrival }
  return { name, definition: PLAIN_CHANNEL, tags: [], ...times }
}
