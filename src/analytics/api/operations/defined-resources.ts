/** What all operations on definitions do first. */
import type { ResourceName } from '../../resources/arn.ts'
import { alreadyExists, limitExceeded, notFound } from './exceptions.ts'
import type { ApiContext } from './operation.ts'

/** @throws {ServiceException} if it is there already, or there are as many as there may be */
export function expectNew({ resources, owner, limits }: ApiContext, resource: ResourceName): void {
  const { kind, name } = resource
  const defined = resources[`${kind}s`]
  const limit = limits[`${kind}s`]
  if (defined.get(name) !== undefined) throw alreadyExists(owner, resource)
  if (defined.size >= limit) throw limitExceeded(`${kind}s`, limit, `analytics.api.limits.${kind}s`)
}

/** @throws {ServiceException} ResourceNotFoundException if there is none */
export function found<Value>(resource: ResourceName, value: Value | undefined): Value {
  if (value === undefined) throw notFound(resource)
  return value
}
