/**
 * The way from a Greengrass v1 group to v2: what to deploy, what else to do, and what cannot be kept.
 * Nothing is changed anywhere.
 */
import { covers, overlaps, STATUS_TOPIC } from '../../topics.ts'
import { accessControlFor } from './access-control.ts'
import { type NotKept, notKeptOf } from './not-kept.ts'
import { type BridgeMapping, dead, type Route, routeOf } from './routes.ts'
import { todoOf } from './todo.ts'
import type { V1Connector, V1Group, V1Subscription } from './v1-group.ts'

export interface GreengrassPlan {
  /** The name of the connector's component. */
  readonly component: string
  /** Configuration to merge, by component. */
  readonly merge: Readonly<Record<string, ComponentConfiguration>>
  /** Those from or to the connector. */
  readonly subscriptions: readonly PlannedSubscription[]
  /** One sentence or more each. */
  readonly todo: readonly string[]
  readonly notKept: readonly NotKept[]
}

export type ComponentConfiguration = Readonly<Record<string, string | object>>

export interface PlannedSubscription {
  readonly id: string
  readonly source: string
  readonly subject: string
  readonly target: string
  /** One sentence. */
  readonly becomes: string
}

const BRIDGE = 'aws.greengrass.clientdevices.mqtt.Bridge'
const STATUS_LEVELS = STATUS_TOPIC.split('/')

export function planFor(group: V1Group, component: string): GreengrassPlan {
  const { connector, subscriptions = [] } = group
  const hasDefaultChannel =
    connector === undefined || isSet(connector.parameters['IotAnalyticsDefaultChannelName'])
  const routes = withoutLoops(
    subscriptions.flatMap((subscription) => routeOf(subscription, hasDefaultChannel) ?? []),
  )
  const access = {
    inputs: uncovered(routes.flatMap(({ inputs }) => inputs)),
    iotCoreInputs: uncovered(routes.flatMap(({ iotCoreInputs }) => iotCoreInputs)),
    publishesToIotCore: routes.some(({ publishesToIotCore }) => publishesToIotCore),
  }
  const accessControl = accessControlFor(component, access)
  const mappings = namedMappings(routes)
  return {
    component,
    merge: {
      [component]: {
        ...parametersOf(connector),
        ...named('inputs', access.inputs, routes),
        ...named('iotCoreInputs', access.iotCoreInputs, routes),
        ...(access.publishesToIotCore ? { iotCoreStatus: 'true' } : {}),
        ...(Object.keys(accessControl).length === 0 ? {} : { accessControl }),
      },
      ...(Object.keys(mappings).length === 0 ? {} : { [BRIDGE]: { mqttTopicMapping: mappings } }),
    },
    subscriptions: routes.map(plannedSubscription),
    todo: todoOf(group, routes),
    notKept: notKeptOf(group, routes, access.inputs, accessControl),
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== ''
}

/** Text, as in the recipe: on nucleus lite every value is one. What is not set keeps its default. */
function parametersOf(connector: V1Connector | undefined): Readonly<Record<string, string>> {
  const given = Object.entries(connector?.parameters ?? {}).filter(([, value]) => isSet(value))
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}

/** Filters that no other one covers: the connector takes a message once, by the first that matches. */
function uncovered(filters: readonly string[]): readonly string[] {
  const distinct = [...new Set(filters)].map((filter) => ({ filter, levels: filter.split('/') }))
  // Without a wildcard a filter covers itself alone.
  const wide = distinct.filter(({ filter }) => /[+#]/.test(filter))
  return distinct
    .filter((one) => wide.every((other) => other === one || !covers(other.levels, one.levels)))
    .map(({ filter }) => filter)
}

/** An object, because a merge cannot append to a list. The keys are the ids of v1's subscriptions. */
function named(
  key: 'inputs' | 'iotCoreInputs',
  filters: readonly string[],
  routes: readonly Route[],
) {
  if (filters.length === 0) return {}
  const entries = filters.map((filter): [string, string] => {
    const route = routes.find((one) => one[key].includes(filter))
    return [route?.subscription.id ?? filter, filter]
  })
  return { [key]: distinctKeys(entries) }
}

/** Without those that others cover: the Bridge would forward a message for each. */
function namedMappings(routes: readonly Route[]): Readonly<Record<string, BridgeMapping>> {
  const all = routes.flatMap(({ subscription, mappings }) =>
    mappings.map((mapping) => ({ id: subscription.id, mapping })),
  )
  const entries = (['LocalMqtt', 'Pubsub'] as const).flatMap((source) => {
    const same = all.filter(({ mapping }) => mapping.source === source)
    return uncovered(same.map(({ mapping }) => mapping.topic)).flatMap((topic) => {
      const first = same.find(({ mapping }) => mapping.topic === topic)
      return first === undefined ? [] : [[first.id, first.mapping] as const]
    })
  })
  return distinctKeys(entries)
}

/** The classic nucleus takes keys that differ only in case for the same. */
function distinctKeys<Value>(
  entries: readonly (readonly [string, Value])[],
): Readonly<Record<string, Value>> {
  const taken = new Set<string>()
  return Object.fromEntries(
    entries.map(([key, value]) => {
      let free = key
      for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${key}-${n}`
      taken.add(free.toLowerCase())
      return [free, value]
    }),
  )
}

/**
 * A status message that the Bridge forwards to the devices' broker must not come back from there: it
 * would go round without end.
 */
function withoutLoops(routes: readonly Route[]): readonly Route[] {
  const back = routes.find(({ mappings }) =>
    mappings.some(
      ({ topic, source }) => source === 'LocalMqtt' && overlaps(topic.split('/'), STATUS_LEVELS),
    ),
  )
  if (back === undefined) return routes
  const { id, subject } = back.subscription
  return routes.map((route) =>
    route.mappings.some(({ source }) => source === 'Pubsub')
      ? dead(
          route.subscription,
          `subscription ${id} takes ${subject} from devices, which has the status topic, so the Bridge would forward status messages in a circle; give ${id} a narrower subject`,
        )
      : route,
  )
}

function plannedSubscription({ subscription, becomes }: Route): PlannedSubscription {
  const { id, source, subject, target } = subscription
  return { id, source: partyText(source), subject, target: partyText(target), becomes }
}

function partyText({ kind, name }: V1Subscription['source']): string {
  if (kind === 'ours') return 'the connector'
  return kind === 'cloud' || kind === 'shadow' ? name : `${kind} ${name}`
}
