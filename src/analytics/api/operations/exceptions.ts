/** Exceptions of the API, with AWS's names. */
import { ServiceException } from '../../../aws-server/service-answer.ts'
import { arnOf, type ResourceName, type ResourceOwner } from '../../resources/arn.ts'

export function invalid(message: string): ServiceException {
  return new ServiceException('InvalidRequestException', message)
}

export function notFound({ kind, name }: ResourceName): ServiceException {
  return new ServiceException('ResourceNotFoundException', `There is no ${kind} ${name}.`)
}

export function alreadyExists(owner: ResourceOwner, resource: ResourceName): ServiceException {
  const { kind, name } = resource
  return new ServiceException(
    'ResourceAlreadyExistsException',
    `There is a ${kind} ${name} already. Update it, or delete it first.`,
    { members: { resourceId: name, resourceArn: arnOf(owner, resource) } },
  )
}

/** @param setting that has the limit */
export function limitExceeded(what: string, limit: number, setting: string): ServiceException {
  return new ServiceException(
    'LimitExceededException',
    `There are ${limit} ${what} already. Delete one, or raise ${setting}.`,
  )
}

export function unsupported(operation: string, what: string): ServiceException {
  const text = `${operation} is not possible: this connector stores ${what}, and does not run them.`
  return new ServiceException('UnsupportedOperationException', text)
}
