/** What a v1 group did that v2 does not do, and why. */
import { type AccessControl, isTooLargeForLite, isWiderInPolicy } from './access-control.ts'
import type { Route } from './routes.ts'
import type { V1Connector, V1Group, V1Subscription } from './v1-group.ts'

export interface NotKept {
  readonly what: string
  readonly why: string
}

export function notKeptOf(
  { connector, subscriptions = [] }: V1Group,
  routes: readonly Route[],
  inputs: readonly string[],
  accessControl: AccessControl,
): NotKept[] {
  return [
    ...(connector === undefined ? [] : notKeptOfConnector(connector, subscriptions)),
    ...routes.flatMap(notKeptOnRoute),
    ...notKeptOfSenders(routes),
    ...notKeptInPolicies(inputs, accessControl),
  ]
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

/** In v1 a message came from the source that a subscription named, and from no other. */
function notKeptOfSenders(routes: readonly Route[]): NotKept[] {
  const kept = routes.filter(({ isKept }) => isKept)
  const sources = kept.map(({ subscription: { source } }) => source)
  const namesOf = (...kinds: readonly string[]) =>
    [...new Set(sources.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name))].join(
      ', ',
    )
  const devices = namesOf('device')
  const others = namesOf('function', 'connector', 'shadow')
  return [
    ...(devices === ''
      ? []
      : [
          {
            what: `the limit to ${devices}`,
            why: 'the Bridge forwards from every client device; the policies of aws.greengrass.clientdevices.Auth say who may publish',
          },
        ]),
    ...(others === ''
      ? []
      : [
          {
            what: `the limit to ${others}`,
            why: 'the connector takes messages from every component that may publish on the topic; the accessControl of components says which may',
          },
        ]),
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

function idsOf(subscriptions: readonly V1Subscription[]): string {
  return subscriptions.map(({ id }) => id).join(', ')
}
