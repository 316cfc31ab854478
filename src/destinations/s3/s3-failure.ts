/**
 * What an answer of S3 means. No answer of S3 is about one message, so none rejects any: an object
 * is stored, or tried again, or kept until somebody has changed a setting.
 *
 * S3 names the reason in the body (`<Error><Code>…`), except in answers to HEAD.
 */
import type { ErrorCode } from '../../errors.ts'
import { cut } from '../../shown-text.ts'
import type { Failure, FailureKind } from '../aws/failure.ts'
import type { Answer } from '../http-client/http-exchange.ts'
import { childText, parseXml, type XmlElement } from './xml.ts'

const MAX_TEXT_CHARACTERS = 500
const SKEW_MS = 240_000

/**
 *  - `exists`: `If-None-Match` was not met, so an object of this name is there.
 *  - `not-found`: no object, or no multipart upload, of this name.
 *  - `no-condition`: the service does not implement `If-None-Match`.
 */
export type Finding = 'exists' | 'not-found' | 'no-condition'

export interface S3Failure extends Failure {
  /** What it becomes if it is given up. */
  readonly code: ErrorCode
  /** Something that the caller decides about. */
  readonly finding: Finding | undefined
  readonly advice: string
}

interface Meaning {
  readonly kind: FailureKind
  readonly code: ErrorCode
}

const AGAIN: Meaning = { kind: 'transient', code: 'DestinationUnavailable' }
const SLOWER: Meaning = { kind: 'throttling', code: 'DestinationUnavailable' }
const DENIED: Meaning = { kind: 'denied', code: 'DestinationDenied' }
const MISSING: Meaning = { kind: 'unavailable', code: 'DestinationMissing' }
const EXPIRED: Meaning = { kind: 'expired', code: 'CredentialsUnavailable' }
const KEPT: Meaning = { kind: 'unavailable', code: 'DestinationUnavailable' }

function all(meaning: Meaning, ...names: string[]): [string, Meaning][] {
  return names.map((name) => [name, meaning])
}

const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  ...all(
    AGAIN,
    ...['InternalError', 'ServiceUnavailable', 'RequestTimeout', 'OperationAborted'],
    // Another request for the same name was under way.
    'ConditionalRequestConflict',
    // The body was damaged or cut on its way.
    ...['BadDigest', 'IncompleteBody', 'XAmzContentSHA256Mismatch', 'XAmzContentChecksumMismatch'],
  ),
  ...all(SLOWER, 'SlowDown', 'SlowDownRead', 'SlowDownWrite', 'Throttling', 'TooManyRequests'),
  ...all(EXPIRED, 'ExpiredToken', 'TokenRefreshRequired'),
  ...all(
    DENIED,
    ...['AccessDenied', 'AccountProblem', 'AllAccessDisabled', 'InvalidAccessKeyId'],
    ...['InvalidSecurity', 'InvalidToken', 'NotSignedUp', 'SignatureDoesNotMatch'],
    ...['KMS.DisabledException', 'KMS.InvalidStateException', 'KMS.NotFoundException'],
    ...['AuthorizationHeaderMalformed', 'AuthorizationQueryParametersError', 'InvalidPayer'],
    ...['PermanentRedirect', 'TemporaryRedirect', 'IllegalLocationConstraintException'],
  ),
  ...all(MISSING, 'NoSuchBucket'),
])

const STATUSES: ReadonlyMap<number, Meaning> = new Map([
  [401, DENIED],
  [403, DENIED],
  [407, DENIED],
  [408, AGAIN],
  [409, AGAIN],
  [429, SLOWER],
  [500, AGAIN],
  [502, AGAIN],
  [503, SLOWER],
  [504, AGAIN],
])

const FINDINGS: ReadonlyMap<string, Finding> = new Map([
  ['PreconditionFailed', 'exists'],
  ['NoSuchKey', 'not-found'],
  ['NoSuchUpload', 'not-found'],
])

const FULL_NAMES = /StorageFull|InsufficientStorage|QuotaExceeded/i

/** The error in an answer; undefined if it reports success. */
export function failureOf(answer: Answer, signedForMs: number): S3Failure | undefined {
  const { status } = answer
  const xml = answer.body === '' ? undefined : parseXml(answer.body)
  // CompleteMultipartUpload may fail after it has begun its answer with 200.
  const isError = xml?.name === 'Error'
  if (status >= 200 && status <= 299 && !isError) return undefined
  const name = isError ? nameIn(xml) : undefined
  const skewMs = skewOf(answer, signedForMs)
  const isSkewed =
    name === 'RequestTimeTooSkewed' || (name === 'SignatureDoesNotMatch' && skewMs !== undefined)
  const meaning =
    isSkewed && skewMs !== undefined
      ? { ...AGAIN, kind: 'skewed' as const }
      : meaningOf(name, status)
  const said = childText(isError ? xml : undefined, 'Message')
  const finding = findingOf(name, status)
  return {
    ...(finding === undefined ? meaning : KEPT),
    name,
    message: cut(
      said === undefined || said === '' ? `status ${status}` : said,
      MAX_TEXT_CHARACTERS,
    ),
    finding,
    advice: adviceOf(name, xml, answer),
    retryAfterMs: retryAfterOf(answer),
    skewMs,
  }
}

export function isS3Failure(failure: Failure): failure is S3Failure {
  return 'finding' in failure
}

function nameIn(xml: XmlElement): string | undefined {
  const name = childText(xml, 'Code')
  return name === undefined || name === '' ? undefined : cut(name, 128)
}

function meaningOf(name: string | undefined, status: number): Meaning {
  if (name === 'NoSuchKey' || name === 'NoSuchUpload') return KEPT
  return MEANINGS.get(name ?? '') ?? STATUSES.get(status) ?? (status >= 500 ? AGAIN : KEPT)
}

function findingOf(name: string | undefined, status: number): Finding | undefined {
  const finding = FINDINGS.get(name ?? '')
  if (finding !== undefined) return finding
  // Some services answer 304, which a PUT can't have otherwise.
  if (status === 412 || status === 304) return 'exists'
  if (status === 404 && name === undefined) return 'not-found'
  return status === 501 || name === 'NotImplemented' ? 'no-condition' : undefined
}

function adviceOf(name: string | undefined, xml: XmlElement | undefined, answer: Answer): string {
  const region = childText(xml, 'Region') ?? answer.header('x-amz-bucket-region')
  const isRedirect = answer.status >= 300 && answer.status <= 399
  if (isRedirect || name === 'AuthorizationHeaderMalformed') {
    const right = region === undefined ? 'the region of the bucket' : cut(region, 64)
    return `. Set "region" to ${right}`
  }
  if (name === 'InvalidAccessKeyId') return '. Check the access key id'
  if (name === 'SignatureDoesNotMatch') return '. Check the secret access key, and the region'
  if (name === 'NoSuchBucket')
    return '. Create the bucket (aws s3 mb s3://<bucket>), or correct "bucket"'
  if (name !== undefined && FULL_NAMES.test(name)) return '. The service is full: make room there'
  if (answer.status === 403) {
    return '. Allow s3:PutObject, s3:GetObject and s3:AbortMultipartUpload on the objects below the prefix, and kms:GenerateDataKey if a key of your own encrypts them'
  }
  return ''
}

/** How far the service's clock is ahead; undefined if not by much, or not known. */
function skewOf(answer: Answer, signedForMs: number): number | undefined {
  const skewMs = Date.parse(answer.header('date') ?? '') - signedForMs
  return Math.abs(skewMs) >= SKEW_MS && answer.header('age') === undefined ? skewMs : undefined
}

function retryAfterOf(answer: Answer): number | undefined {
  const seconds = Number(answer.header('retry-after') ?? Number.NaN)
  return seconds >= 0 ? seconds * 1_000 : undefined
}
