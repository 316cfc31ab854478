/** The order of a pipeline's activities: each names the next, from the channel to the data store. */
import { quoted } from '../../shown-text.ts'
import type { ActivityDefinition } from './definition.ts'
import { invalidPipeline } from './invalid-pipeline.ts'

export interface ActivityChain {
  readonly channelName: string
  readonly datastore: NonNullable<ActivityDefinition['datastore']>
  /** Those between the channel and the data store, in the order messages pass them. */
  readonly activities: readonly ActivityDefinition[]
}

/** @throws {ConnectorError} InvalidPipeline */
export function chainOf(definitions: readonly ActivityDefinition[]): ActivityChain {
  const byName = byNameOf(definitions)
  const first = onlyOne(definitions, 'channel')
  const last = onlyOne(definitions, 'datastore')
  const order = follow(first, byName)
  if (order.at(-1) !== last) {
    const { name } = linkOf(order.at(-1) ?? first)
    throw invalidPipeline(`expected next in ${quoted(name)}: only the datastore activity is last`)
  }
  const orphan = definitions.find((definition) => !order.includes(definition))
  if (orphan !== undefined) {
    const { name } = linkOf(orphan)
    throw invalidPipeline(`no activity has ${quoted(name)} as its next; expected one chain`)
  }
  return {
    channelName: first.channel.channelName,
    datastore: last.datastore,
    activities: order.slice(1, -1),
  }
}

function byNameOf(definitions: readonly ActivityDefinition[]): Map<string, ActivityDefinition> {
  const byName = new Map<string, ActivityDefinition>()
  for (const definition of definitions) {
    const { name } = linkOf(definition)
    if (byName.has(name)) {
      throw invalidPipeline(`expected different names of activities, got ${quoted(name)} twice`)
    }
    byName.set(name, definition)
  }
  return byName
}

function follow(
  channel: ActivityDefinition,
  byName: ReadonlyMap<string, ActivityDefinition>,
): ActivityDefinition[] {
  const order = [channel]
  let { name, next } = linkOf(channel)
  while (next !== undefined) {
    const definition = byName.get(next)
    if (definition === undefined) {
      throw invalidPipeline(`${quoted(name)} has ${quoted(next)} as its next, which is missing`)
    }
    if (order.includes(definition)) {
      throw invalidPipeline(`${quoted(name)} leads back to ${quoted(next)}; expected no circle`)
    }
    order.push(definition)
    ;({ name, next } = linkOf(definition))
  }
  return order
}

type Of<Kind extends keyof ActivityDefinition> = ActivityDefinition &
  Readonly<Record<Kind, NonNullable<ActivityDefinition[Kind]>>>

function onlyOne<Kind extends 'channel' | 'datastore'>(
  definitions: readonly ActivityDefinition[],
  kind: Kind,
): Of<Kind> {
  const isIt = (one: ActivityDefinition): one is Of<Kind> => one[kind] !== undefined
  const found = definitions.filter(isIt)
  const [first] = found
  if (first !== undefined && found.length === 1) return first
  throw invalidPipeline(`expected exactly one ${kind} activity, got ${found.length}`)
}

/** The name of an activity and of the one that follows. */
export function linkOf(definition: ActivityDefinition): {
  name: string
  next?: string | undefined
} {
  const [activity] = Object.values(definition).filter((member) => member !== undefined)
  return activity ?? { name: '' }
}
