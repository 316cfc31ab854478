/** What a failure of a whole call means for the messages in it. */
import { ConnectorError, type ErrorCode } from '../../../errors.ts'
import { codeOf } from '../aws-caller.ts'
import type { Failure } from '../failure.ts'
import { isAboutKms } from './record-answer.ts'
import type { RecordService } from './record-service.ts'

/** Names of refusals that may be about a record. The message then says so. */
const CONTENT_NAMES: ReadonlySet<string> = new Set([
  'InvalidArgumentException',
  'ValidationException',
])
const ABOUT_RECORDS = /\bat 'records\b|\brecords? size\b|\brecord (is|was) too large\b/i
const TOO_LARGE_NAMES: ReadonlySet<string> = new Set([
  'RequestEntityTooLargeException',
  'RequestTooLarge',
])
/** RFC 9110, 15.5.14: content too large. A gateway may say so without a name. */
const TOO_LARGE = 413

/** @param doing for people: `sending 5 records to the stream plant` */
export function errorOf(failure: Failure, service: RecordService, doing: string): ConnectorError {
  const { name, message, cause } = failure
  const code = errorCodeOf(failure)
  const said = name === undefined ? message : `${name}: ${message}`
  const text = `${doing}: ${said}${adviceOn(code, failure, service)}`
  return new ConnectorError(code, text, { cause })
}

function errorCodeOf(failure: Failure): ErrorCode {
  const { kind, name } = failure
  if (name === 'ResourceNotFoundException') return 'DestinationMissing'
  if (name === 'KMSThrottlingException') return 'DestinationUnavailable'
  if (name !== undefined && isAboutKms(name)) return 'DestinationDenied'
  if (kind !== 'refused') return codeOf(failure)
  return isAboutContent(failure) ? 'ContentRefused' : 'DestinationUnavailable'
}

/** All other refusals have a cause that an operator can change, so the messages are kept. */
function isAboutContent({ status, name, message }: Failure): boolean {
  if (status === TOO_LARGE) return true
  if (name === undefined) return false
  return TOO_LARGE_NAMES.has(name) || (CONTENT_NAMES.has(name) && ABOUT_RECORDS.test(message))
}

function adviceOn(
  code: ErrorCode,
  { name }: Failure,
  { service, put, target, howToCreate }: RecordService,
): string {
  if (code === 'DestinationMissing') {
    return `. Create ${target} in this account and region (${howToCreate}), or correct its name and "region"`
  }
  if (code === 'DestinationDenied') {
    return name !== undefined && isAboutKms(name)
      ? `. Check the KMS key that encrypts ${target}, and the permission kms:GenerateDataKey`
      : `. Check the credentials, their permission ${service}:${put} on ${target}, "region", and this machine’s clock`
  }
  if (code === 'DestinationUnavailable' && name === undefined) {
    return '. Check "endpoint", "region" and the network'
  }
  return ''
}

/** The account may not make the call, while its key was accepted. */
const PERMISSION_NAMES: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'NotAuthorized',
  'UnauthorizedOperation',
])

export function isPermissionMissing({ kind, name }: Failure): boolean {
  return kind === 'denied' && name !== undefined && PERMISSION_NAMES.has(name)
}
