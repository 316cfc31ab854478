/** What becomes of a v1 subscription: the ways of its messages in v2. */
import { PREDEFINED_FILTERS } from '../../routing/input-topics.ts'
import { covers, STATUS_TOPIC } from '../../topics.ts'
import type { V1Subscription } from './v1-group.ts'

export interface Route {
  readonly subscription: V1Subscription
  /** One sentence. */
  readonly becomes: string
  /** Whether messages still flow. */
  readonly isKept: boolean
  /** Customer-defined topics that the connector must subscribe to on local publish/subscribe. */
  readonly inputs: readonly string[]
  /** The same at AWS IoT Core. The connector subscribes to none there by itself. */
  readonly iotCoreInputs: readonly string[]
  readonly mappings: readonly BridgeMapping[]
  readonly publishesToIotCore: boolean
  /** What somebody has to do beside deploying the configuration, one sentence each. */
  readonly todo: readonly string[]
  /** What the subscription did that v2 does not do, one sentence each. */
  readonly notKept: readonly string[]
}

/** An entry of `mqttTopicMapping` of the component `aws.greengrass.clientdevices.mqtt.Bridge`. */
export interface BridgeMapping {
  readonly topic: string
  readonly source: 'LocalMqtt' | 'Pubsub'
  readonly target: 'LocalMqtt' | 'Pubsub'
}

const NO_CHANNEL =
  'messages on customer-defined topics need a channel, and the definition has no IotAnalyticsDefaultChannelName'

/** Undefined if the subscription does not concern the connector. */
export function routeOf(
  subscription: V1Subscription,
  hasDefaultChannel: boolean,
): Route | undefined {
  const { source, target } = subscription
  if (target.kind === 'ours') return inbound(subscription, hasDefaultChannel)
  return source.kind === 'ours' ? outbound(subscription) : undefined
}

function inbound(subscription: V1Subscription, hasDefaultChannel: boolean): Route {
  const { source, subject } = subscription
  if (source.kind === 'ours') {
    return dead(subscription, 'the connector takes no messages from itself')
  }
  const filters = acceptedFilters(subject, hasDefaultChannel)
  if (filters.length === 0) return dead(subscription, NO_CHANNEL)
  const inputs = filters.filter((filter) => !isPredefined(filter))
  const route = {
    ...blank(subscription),
    notKept: [
      ...(filters.includes(subject) ? [] : [`only predefined topics are kept: ${NO_CHANNEL}`]),
      // The filter is the same at AWS IoT Core.
      ...(source.kind === 'cloud' ? [] : filters.flatMap(parentLevelOf)),
    ],
  }
  switch (source.kind) {
    case 'cloud':
      return {
        ...route,
        becomes: 'The connector subscribes at AWS IoT Core, through the nucleus.',
        iotCoreInputs: filters,
      }
    case 'device':
      return {
        ...route,
        becomes: 'The Bridge forwards it from the local MQTT broker to local publish/subscribe.',
        inputs,
        mappings: filters.map((topic) => ({ topic, source: 'LocalMqtt', target: 'Pubsub' })),
      }
    case 'shadow':
      return {
        ...route,
        becomes: 'The connector takes it from local publish/subscribe.',
        inputs,
        todo: ['Deploy aws.greengrass.ShadowManager: it publishes what GGShadowService did.'],
      }
    default:
      return {
        ...route,
        becomes: 'The connector takes it from local publish/subscribe.',
        inputs,
        todo: [senderTodo(subscription)],
      }
  }
}

function outbound(subscription: V1Subscription): Route {
  const { subject, target } = subscription
  if (!covers(subject.split('/'), STATUS_TOPIC.split('/'))) {
    return dead(subscription, `the connector publishes on ${STATUS_TOPIC} alone`)
  }
  const route = blank(subscription)
  switch (target.kind) {
    case 'cloud':
      return {
        ...route,
        becomes: 'The connector publishes its status messages at AWS IoT Core too.',
        publishesToIotCore: true,
      }
    case 'device':
      return {
        ...route,
        becomes: 'The Bridge forwards status messages to the local MQTT broker.',
        mappings: [{ topic: STATUS_TOPIC, source: 'Pubsub', target: 'LocalMqtt' }],
      }
    case 'shadow':
      return dead(subscription, 'a status message is no shadow document')
    default:
      return {
        ...route,
        becomes: 'The connector publishes status messages on local publish/subscribe.',
        todo: [
          `Allow the component that replaces ${partyText(target)} aws.greengrass#SubscribeToTopic on ${STATUS_TOPIC}, and let it subscribe.`,
        ],
      }
  }
}

function blank(subscription: V1Subscription): Route {
  return {
    subscription,
    becomes: '',
    isKept: true,
    inputs: [],
    iotCoreInputs: [],
    mappings: [],
    publishesToIotCore: false,
    todo: [],
    notKept: [],
  }
}

/** The route of a subscription on which no message can flow. */
export function dead(subscription: V1Subscription, why: string): Route {
  return { ...blank(subscription), becomes: 'Nothing.', isKept: false, notKept: [why] }
}

/** What the connector accepts of `subject`. */
function acceptedFilters(subject: string, hasDefaultChannel: boolean): readonly string[] {
  if (hasDefaultChannel || isPredefined(subject)) return [subject]
  return PREDEFINED_FILTERS.filter((filter) => covers(subject.split('/'), filter.split('/')))
}

/** Whether the connector subscribes to these topics by itself. */
function isPredefined(filter: string): boolean {
  return PREDEFINED_FILTERS.some((own) => covers(own.split('/'), filter.split('/')))
}

function parentLevelOf(filter: string): string[] {
  if (!filter.endsWith('/#')) return []
  return [
    `v1 read ${filter} without its parent level; in v2 messages on ${filter.slice(0, -2)} come too`,
  ]
}

function senderTodo({ source, subject }: V1Subscription): string {
  const allowed = `Allow the component that replaces ${partyText(source)} aws.greengrass#PublishToTopic on ${publishResource(subject)}.`
  if (source.kind !== 'function') return allowed
  return `${allowed} A Lambda function that uses publish of the v1 SDK needs aws.greengrass.LegacySubscriptionRouter, or IPC.`
}

function partyText({ kind, name }: V1Subscription['source']): string {
  return `${kind} ${name}`
}

/** In a policy for publishing `*` stands for any characters; `+` and `#` for themselves. */
function publishResource(filter: string): string {
  return filter.replaceAll(/[+#?]/g, '*')
}
