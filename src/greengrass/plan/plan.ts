/**
 * The way from a Greengrass v1 group to v2: what to deploy, what else to do, and what cannot be kept.
 * Nothing is changed anywhere.
 */
import { covers, overlaps, STATUS_TOPIC } from '../../topics.ts'
import {
  type AccessControl,
  accessControlFor,
  isTooLargeForLite,
  isWiderInPolicy,
} from './access-control.ts'
import { type BridgeMapping, type Route, routeOf } from './routes.ts'
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

export interface NotKept {
  readonly what: string
  readonly why: string
}

const BRIDGE = 'aws.greengrass.clientdevices.mqtt.Bridge'
const STATUS_LEVELS = STATUS_TOPIC.split('/')

const NO_CONNECTOR_TODO =
  'Add the connector’s parameters, such as IotAnalyticsDefaultChannelName: the files have no connector definition.'
const NO_SUBSCRIPTIONS_TODO =
  'Add the inputs: the files have no subscriptions, so the connector takes messages on the predefined topics alone.'
const DESTINATIONS_TODO =
  'AWS IoT Analytics was shut down on 2025-12-15. Name other destinations under connector.destinations in the component’s configuration; without one, messages stay in the local store.'
const ROLE_TODO =
  'Give the token exchange role the permissions that the group role had, for the destinations that you name (iotanalytics:BatchPutMessage was for AWS IoT Analytics).'
const BRIDGE_TODO =
  'Deploy aws.greengrass.clientdevices.Auth (its policies allow the devices mqtt:connect, mqtt:publish and mqtt:subscribe), a broker (aws.greengrass.clientdevices.mqtt.Moquette or …mqtt.EMQX), the Bridge and aws.greengrass.clientdevices.IPDetector. The devices keep their certificates and core discovery. Nucleus lite has no Bridge: there, devices publish to the connector’s own MQTT server.'

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
    notKept: [
      ...(connector === undefined ? [] : notKeptOfConnector(connector, subscriptions)),
      ...routes.flatMap(notKeptOnRoute),
      ...notKeptOfDevices(routes),
      ...notKeptInPolicies(access.inputs, accessControl),
    ],
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
  const distinct = [...new Set(filters)]
  return distinct.filter((filter) =>
    distinct.every((other) => other === filter || !covers(other.split('/'), filter.split('/'))),
  )
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

function namedMappings(routes: readonly Route[]): Readonly<Record<string, BridgeMapping>> {
  const known = new Set<string>()
  const entries = routes.flatMap(({ subscription, mappings }) =>
    mappings.flatMap((mapping): [string, BridgeMapping][] => {
      const text = JSON.stringify(mapping)
      if (known.has(text)) return []
      known.add(text)
      return [[subscription.id, mapping]]
    }),
  )
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
      ? {
          ...route,
          becomes: 'Nothing.',
          mappings: [],
          notKept: [
            `subscription ${id} takes ${subject} from devices, which has the status topic, so the Bridge would forward status messages in a circle; give ${id} a narrower subject`,
          ],
        }
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

function todoOf(
  { connector, subscriptions }: V1Group,
  routes: readonly Route[],
): readonly string[] {
  const hasMappings = routes.some(({ mappings }) => mappings.length > 0)
  const others = (subscriptions ?? []).filter(
    (one) => !routes.some(({ subscription }) => subscription === one),
  )
  return [
    ...(connector === undefined ? [NO_CONNECTOR_TODO] : []),
    ...(subscriptions === undefined ? [NO_SUBSCRIPTIONS_TODO] : []),
    DESTINATIONS_TODO,
    ROLE_TODO,
    ...(hasMappings ? [BRIDGE_TODO] : []),
    ...new Set(routes.flatMap(({ todo }) => todo)),
    ...(others.length === 0
      ? []
      : [`Plan these subscriptions too; they do not concern the connector: ${idsOf(others)}.`]),
  ]
}

function idsOf(subscriptions: readonly V1Subscription[]): string {
  return subscriptions.map(({ id }) => id).join(', ')
}

function notKeptOfConnector(
  { arn, isolationMode }: V1Connector,
  subscriptions: readonly V1Subscription[],
): NotKept[] {
  const others = subscriptions.filter(({ source, target }) =>
    [source, target].some(
      (party) => party.kind === 'ours' && versionOf(party) !== versionOf({ arn }),
    ),
  )
  return [
    {
      what: 'MemorySize as the limit of the process',
      why: 'it now limits messages in memory; the deployment’s systemResourceLimits limit the process',
    },
    ...(isolationMode === undefined
      ? []
      : [
          {
            what: `IsolationMode ${isolationMode}`,
            why: 'a component is a process of the nucleus’s user; only Lambda functions have containers',
          },
        ]),
    ...(others.length === 0
      ? []
      : [
          {
            what: `the connector’s version in ${idsOf(others)}`,
            why: `it is not the group’s, ${versionOf({ arn })}; the plan takes them for the same connector`,
          },
        ]),
  ]
}

function versionOf({ arn }: { readonly arn: string }): string | undefined {
  return arn.split('/').at(-1)
}

function notKeptOnRoute({ subscription, notKept }: Route): NotKept[] {
  const what = `subscription ${subscription.id}`
  return notKept.map((why) => ({ what, why }))
}

function notKeptOfDevices(routes: readonly Route[]): NotKept[] {
  const from = routes.filter(({ mappings }) => mappings.some(({ target }) => target === 'Pubsub'))
  if (from.length === 0) return []
  const names = new Set(from.map(({ subscription }) => subscription.source.name))
  return [
    {
      what: `the limit to ${[...names].join(', ')}`,
      why: 'the Bridge forwards from every client device; the policies of aws.greengrass.clientdevices.Auth say who may publish',
    },
  ]
}

function notKeptInPolicies(inputs: readonly string[], accessControl: AccessControl): NotKept[] {
  return [
    ...inputs.filter(isWiderInPolicy).map((filter) => ({
      what: `a policy for ${filter} alone`,
      why: 'in a policy * stands for any characters, and ? is not allowed, so it allows more',
    })),
    ...(isTooLargeForLite(accessControl)
      ? [
          {
            what: 'these policies on nucleus lite',
            why: 'it reads 4,096 bytes of the policies of a service and refuses everything if there are more; use fewer, wider inputs',
          },
        ]
      : []),
  ]
}
