/** Whether a component's `accessControl` lets it do something. */
import { matches } from '../mqtt/topic-matching.ts'
import { isObject } from './json-text.ts'

export type Service = 'aws.greengrass.ipc.pubsub' | 'aws.greengrass.ipc.mqttproxy'

export interface Access {
  readonly service: Service
  /** Such as `aws.greengrass#SubscribeToTopic`. */
  readonly operation: string
  /** The topic, or the filter as it is written: `+` and `#` in it are plain characters. */
  readonly resource: string
}

export function isAllowed(accessControl: unknown, access: Access, maxBytes: number): boolean {
  const policies = isObject(accessControl) ? accessControl[access.service] : undefined
  if (!isObject(policies) || JSON.stringify(policies).length > maxBytes) return false
  return Object.values(policies).some((policy) => allows(policy, access))
}

function allows(policy: unknown, { service, operation, resource }: Access): boolean {
  if (!isObject(policy)) return false
  const operations = stringsOf(policy['operations'])
  const resources = stringsOf(policy['resources'])
  return (
    operations.some((each) => each === '*' || each === operation) &&
    resources.some(
      (each) =>
        matchesText(each, resource) ||
        (service === 'aws.greengrass.ipc.mqttproxy' && matches(each, resource)),
    )
  )
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

/** `*` stands for any text; everything else for itself. */
function matchesText(resource: string, text: string): boolean {
  const parts = resource.split('*').map((part) => part.replace(/[.+^${}()|[\]\\?]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text)
}
