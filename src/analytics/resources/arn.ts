/** `arn:aws:iotanalytics:<region>:<account>:<kind>/<name>` */
import { isChannelName } from '../../channel-name.ts'

export const RESOURCE_KINDS = ['channel', 'pipeline', 'datastore', 'dataset'] as const
export type ResourceKind = (typeof RESOURCE_KINDS)[number]

/** Whose resources they are, by configuration. */
export interface ResourceOwner {
  readonly region: string
  readonly account: string
}

export interface ResourceName {
  readonly kind: ResourceKind
  readonly name: string
}

const PARTITIONS: readonly (readonly [start: string, partition: string])[] = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
]

export function arnOf({ region, account }: ResourceOwner, { kind, name }: ResourceName): string {
  const partition = PARTITIONS.find(([start]) => region.startsWith(start))?.[1] ?? 'aws'
  return `arn:${partition}:iotanalytics:${region}:${account}:${kind}/${name}`
}

/** Undefined if it is the ARN of nothing that could be here. */
export function resourceOfArn(owner: ResourceOwner, arn: string): ResourceName | undefined {
  const [, kindText, name = ''] = /^.*:([a-z]+)\/([^/:]*)$/.exec(arn) ?? []
  const kind = RESOURCE_KINDS.find((one) => one === kindText)
  if (kind === undefined || !isChannelName(name)) return undefined
  return arnOf(owner, { kind, name }) === arn ? { kind, name } : undefined
}
