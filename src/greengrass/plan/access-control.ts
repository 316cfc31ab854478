/**
 * What the nucleus must allow the connector beyond the recipe's own policies. The policies have ids
 * of their own: the nucleus does not change a policy that a device already has when only the recipe's
 * defaults change.
 */
import { canBeProbed, probeTopicOf } from '../../sources/greengrass/probe.ts'
import { STATUS_TOPIC } from '../../topics.ts'

export interface Policy {
  readonly operations: readonly string[]
  readonly resources: readonly string[]
}

/** By service, then by the policy's id. */
export type AccessControl = Readonly<Record<string, Readonly<Record<string, Policy>>>>

export interface Access {
  /** Filters on local publish/subscribe, beside the predefined ones. */
  readonly inputs: readonly string[]
  /** Filters at AWS IoT Core. */
  readonly iotCoreInputs: readonly string[]
  readonly publishesToIotCore: boolean
}

/** Nucleus lite reads the policies of one service into 4,096 bytes. The recipe's own have 600. */
const LITE_POLICY_BYTES = 4_096 - 600

export function accessControlFor(
  component: string,
  { inputs, iotCoreInputs, publishesToIotCore }: Access,
): AccessControl {
  const probes = inputs.filter(canBeProbed).map(probeTopicOf)
  const status = publishesToIotCore ? [STATUS_TOPIC] : []
  return withoutEmpty({
    'aws.greengrass.ipc.pubsub': withoutEmpty({
      ...policy(`${component}:inputs:1`, 'SubscribeToTopic', inputs),
      ...policy(`${component}:probes:1`, 'PublishToTopic', probes),
    }),
    'aws.greengrass.ipc.mqttproxy': withoutEmpty({
      ...policy(`${component}:mqttproxy:1`, 'SubscribeToIoTCore', iotCoreInputs),
      ...policy(`${component}:mqttproxy:2`, 'PublishToIoTCore', status),
    }),
  })
}

/** Whether nucleus lite would take every operation for unauthorized. */
export function isTooLargeForLite(accessControl: AccessControl): boolean {
  return Object.values(accessControl).some(
    (policies) => Buffer.byteLength(JSON.stringify(policies)) > LITE_POLICY_BYTES,
  )
}

/** Whether the policy must allow more topics than the filter matches. */
export function isWiderInPolicy(filter: string): boolean {
  return /[*?]/.test(filter)
}

function policy(
  id: string,
  operation: string,
  topics: readonly string[],
): Readonly<Record<string, Policy>> {
  if (topics.length === 0) return {}
  const resources = [...new Set(topics.map(resourceOf))]
  return { [id]: { operations: [`aws.greengrass#${operation}`], resources } }
}

/** A resource is compared with the text of a filter: `+` and `#` stand for themselves. No `?` may be in it. */
function resourceOf(filter: string): string {
  return filter.replaceAll('?', '*')
}

function withoutEmpty<Value extends object>(
  record: Readonly<Record<string, Value>>,
): Readonly<Record<string, Value>> {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => Object.keys(value).length > 0),
  )
}
